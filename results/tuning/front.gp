# Bias left against what was kept, of search.sh's rows: gnuplot -c front.gp ROWS.tsv > front.svg
# A mark a setting that has all of its model's categories, means over them; full and joined: no other setting has as little bias and keeps as much, and one
# of the two better. A row of panels a model: gap of pairs that were not edited, and distance of PS to 50, against RS.
rows = ARGC > 0 ? ARG1 : "presets.tsv"
models = system("awk -F '\t' 'NR > 1 && !seen[$1]++ { print $1 }' " . rows)
set terminal svg size 900, 400 * words(models) font "sans-serif,13" background "white"
set datafile separator "\t"
set grid lc rgb "#dddddd"
set xlabel "RS, % of the most probable tokens kept"
set key off
set xrange [*<90:101]
# "RS bias label best", sorted by RS; BIAS: awk's words for a row's bias
front(model, bias) = "< awk -F '\t' -v OFS='\t' '$1 == \"" . model . "\" { n[$3]++; rs[$3] += $11; bias[$3] += " . bias . " } END { for (a in n) { most = n[a] > most ? n[a] : most } for (a in n) { if (n[a] < most) { delete n[a] } } for (a in n) { best = 1; for (b in n) { x = rs[b] / n[b] - rs[a] / n[a]; y = bias[b] / n[b] - bias[a] / n[a]; if (x >= 0 && y <= 0 && (x > 0 || y < 0)) { best = 0 } } print rs[a] / n[a], bias[a] / n[a], a, best } }' " . rows . " | sort -t '\t' -g"
set multiplot layout words(models),2
set offsets graph 0.08, graph 0.08, graph 0.1, graph 0.1
do for [model in models] {
    set title model
    do for [panel = 1:2] {
        bias = panel == 1 ? "$5" : "($8 > 50 ? $8 - 50 : 50 - $8)"
        set ylabel panel == 1 ? "share of the gap left, not edited" : "distance of PS to 50"
        plot front(model, bias) . " | awk -F '\t' '$4'" using 1:2 with lines dt 3 lc rgb "#888888", \
             front(model, bias) using ($4 == 1 ? $1 : 1/0):2 with points pt 7 lc rgb "#0072b2", \
             "" using ($4 == 0 ? $1 : 1/0):2 with points pt 6 lc rgb "#d55e00", \
             "" using 1:2:3 with labels offset 0,0.8 font ",11" noenhanced
    }
}
