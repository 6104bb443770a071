# The trade-off of the weights alpha = beta, from curve.tsv: gnuplot -c curve.gp > curve.svg
set terminal svg size 900,430 font "sans-serif,13" background "white" enhanced
set datafile separator "\t"
set multiplot layout 1,2
set xlabel "RS, % of the most probable tokens kept"
set ylabel "share of the gap that is left"
set yrange [0:1.75]
set ytics 0.2
set xrange [50:101]
set grid lc rgb "#dddddd"
set arrow 1 from 95,0 to 95,1.1 nohead dt 2 lc rgb "#555555"
set key top left samplen 2
points(model, category) = sprintf("< awk -F'\\t' '$1 == \"%s\" && $2 == \"%s\"' curve.tsv", model, category)
do for [model in "books-gpt2-mini books-bert-mini"] {
    set title model
    plot points(model, "gender") using 11:4 with linespoints pt 7 lc rgb "#0072b2" title "gender, edited", \
         "" using 11:5 with linespoints pt 6 dt 3 lc rgb "#0072b2" title "gender, not edited", \
         points(model, "race") using 11:4 with linespoints pt 5 lc rgb "#d55e00" title "race, edited", \
         "" using 11:5 with linespoints pt 4 dt 3 lc rgb "#d55e00" title "race, not edited", \
         points(model, "religion") using 11:4 with linespoints pt 9 lc rgb "#009e73" title "religion, edited", \
         "" using 11:5 with linespoints pt 8 dt 3 lc rgb "#009e73" title "religion, not edited"
}
