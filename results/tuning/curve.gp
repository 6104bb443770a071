# What is left of the gap against what is kept: gnuplot -c curve.gp > curve.svg
# Thin lines: keys that start at 0, alpha = beta from 0.01 to 10 (curve.tsv). Thick: keys that start at -1, -2, -3 (key_bias.tsv).
set terminal svg size 900,800 font "sans-serif,13" background "white" enhanced
set datafile separator "\t"
set multiplot layout 2,2
set xlabel "RS, % of the most probable tokens kept"
set xrange [60:101]
set grid lc rgb "#dddddd"
set arrow 1 from 95,graph 0 to 95,graph 1 nohead dt 2 lc rgb "#555555"
set key top left samplen 2
zero(model, category) = sprintf("< awk -F'\\t' '$1 == \"%s\" && $2 == \"%s\"' curve.tsv", model, category)
low(model, category) = sprintf("< awk -F'\\t' '$1 == \"%s\" && $2 == \"%s\" && $3 ~ /%s$/' key_bias.tsv | sort -t '\t' -k3,3", model, category, model eq "books-bert-mini" ? "a1" : "a0.1")
do for [column in "4 5"] {
    set ylabel column eq "4" ? "share of the gap left, edited" : "share of the gap left, not edited"
    set yrange [0:(column eq "4" ? 1.0 : 1.6)]
    do for [model in "books-gpt2-mini books-bert-mini"] {
        set title model.(model eq "books-bert-mini" ? " (thick: alpha = beta = 1)" : " (thick: alpha = beta = 0.1)")
        plot zero(model, "gender") using 11:int(column) with linespoints pt 6 dt 3 lc rgb "#0072b2" notitle, \
             zero(model, "race") using 11:int(column) with linespoints pt 4 dt 3 lc rgb "#d55e00" notitle, \
             zero(model, "religion") using 11:int(column) with linespoints pt 8 dt 3 lc rgb "#009e73" notitle, \
             low(model, "gender") using 11:int(column) with linespoints lw 2 pt 7 lc rgb "#0072b2" title "gender", \
             low(model, "race") using 11:int(column) with linespoints lw 2 pt 5 lc rgb "#d55e00" title "race", \
             low(model, "religion") using 11:int(column) with linespoints lw 2 pt 9 lc rgb "#009e73" title "religion"
    }
}
