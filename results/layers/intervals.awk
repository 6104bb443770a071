# How good the layer is that each rule names, over models and categories: awk -f intervals.awk TABLE.tsv...
# A case is a model and category; its tables are seeds, whose shares of the best layer's success are averaged. Mean over the cases, and the
# 95 % interval of 10000 bootstrap samples of the cases, of each rule and of what two_thirds has more than it. Cases without
# success at any layer (best below 0.1) are left out and counted. lowest: the lowest layer that was trained.
BEGIN { FS = "\t"; srand(1) }
FNR == 1 { flush_table() }
FNR > 1 && $3 ~ /^[0-9]+$/ && NF == 8 { success = $8 > success ? $8 : success; lowest = at == "" ? $8 : lowest; at = $1 "/" $2 }
NF == 7 && $3 != "measure" { rule_share[$3] = $6 }
function flush_table(    rule) {
    if (at != "" && success < 0.1) { left_out++ }
    if (at != "" && success >= 0.1) {
        rule_share["lowest"] = lowest / success
        if (!(at in tables)) { cases[++count] = at }
        tables[at]++
        for (rule in rule_share) { sum[at, rule] += rule_share[rule]; rules[rule] = 1 }
    }
    success = 0; at = ""; delete rule_share
}
function sorted(list, n,    i, j, x) { # Shell's
    for (gap = int(n / 2); gap > 0; gap = int(gap / 2)) {
        for (i = gap + 1; i <= n; i++) {
            x = list[i]
            for (j = i; j > gap && list[j - gap] > x; j -= gap) { list[j] = list[j - gap] }
            list[j] = x
        }
    }
}
function interval(rule, against,    b, i, c, total, mean, list) {
    for (i = 1; i <= count; i++) { mean += value(cases[i], rule, against) / count }
    for (b = 1; b <= 10000; b++) {
        total = 0
        for (i = 1; i <= count; i++) { total += value(cases[int(rand() * count) + 1], rule, against) }
        list[b] = total / count
    }
    sorted(list, 10000)
    return sprintf("%.2f (%.2f to %.2f)", mean, list[250], list[9750])
}
function value(case_, rule, against) {
    return (sum[case_, rule] - (against != "" ? sum[case_, against] : 0)) / tables[case_]
}
END {
    flush_table()
    print "cases: " count ", tables without success: " left_out + 0
    print "| rule | share of the best layer's success | two thirds up has more by |\n|---|---|---|"
    for (rule in rules) {
        print "| " rule " | " interval(rule, "") " | " (rule == "two_thirds" ? "-" : interval_of_more(rule)) " |" | "sort"
    }
}
function interval_of_more(rule) { return interval("two_thirds", rule) }
