# Success of a stamp by layer, and the layer that each rule names, of study.sh's tables: gnuplot -c picture.gp "TABLE.tsv ..." > layers.svg
# A panel a model and category, a line a table (a seed); the marks below tell which layers the rules name: two thirds up, the largest effect of restoring the subject's state (as AIE), of the FFN's outputs where the object is read.
tables = ARG1
cases = system("awk -F '\t' 'FNR == 2 && !seen[$1, $2]++ { print $1 \"/\" $2 }' " . tables)
set terminal svg size 300 * (words(cases) < 3 ? words(cases) : 3), 260 * ((words(cases) + 2) / 3) + 40 font "sans-serif,12" background "white"
set datafile separator "\t"
set multiplot layout (words(cases) + 2) / 3,3
set grid ytics lc rgb "#dddddd"
set yrange [-0.15:0.8]
set xtics nomirror
set ytics 0, 0.2, 0.8 nomirror
set border 3
set offsets graph 0.06, graph 0.06, 0, 0
part(case, k) = system("echo '" . case . "' | cut -d/ -f" . k)
of(case, rule) = "< awk -F '\t' -v OFS='\t' '$1 != \"" . part(case, 1) . "\" || $2 != \"" . part(case, 2) . "\" { if (FNR == 1) { print \"\" } next } " . rule . "' " . tables
named(case, rule, place) = of(case, "$3 == \"" . rule . "\" && !s[$4]++ { print $4, " . place . " }")
do for [c = 1:words(cases)] {
    case = word(cases, c)
    set title part(case, 1) . ", " . part(case, 2) noenhanced
    step = 0 + system("awk -F '\t' '$1 == \"" . part(case, 1) . "\" && $3 ~ /^[0-9]+$/ && $3 > most { most = $3 } END { print (most > 8 ? 5 : 1) }' " . tables)
    set xtics step nomirror
    set xlabel (c > words(cases) - 3) ? "layer" : ""
    set ylabel (c % 3 == 1) ? "success" : ""
    if (c == 1) { set key at graph 0.98, graph 0.98 right top samplen 1 font ",10" } else { unset key }
    plot of(case, "$3 ~ /^[0-9]+$/ && NF == 8 { print $3, $8 }") \
             using 1:2 with linespoints pt 7 ps 0.5 lc rgb "#444444" notitle, \
         named(case, "two_thirds", "-0.04") using 1:2 with points pt 9 ps 1 lc rgb "#0072b2" title "two thirds up", \
         named(case, "residual.subject.restore", "-0.07") using 1:2 with points pt 5 ps 0.8 lc rgb "#d55e00" title "as AIE", \
         named(case, "ffn.read.restore", "-0.10") using 1:2 with points pt 13 ps 1 lc rgb "#009e73" title "ffn.read.restore"
}
