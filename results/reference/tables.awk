# Two Markdown tables of make.sh's cpu.tsv and results.tsv: awk -f tables.awk cpu.tsv results.tsv
# "before -> after (least to most)": means over the seeds, and of the seeds' results the smallest and largest. A model's last
# lines, one a setting, are means over its categories.
BEGIN {
    FS = OFS = "\t"
    table[1] = "gap edited,share left,gap held-out,share left,SS edited,SS held-out,PS"
    table[2] = "LMS,DS,DS none,RS,RS none,perplexity,CrowS,StereoSet SS,CPU minutes"
    # heading: suite, subset, of ("": the category itself), metric, decimals
    source["gap edited"] = "biaske,edited,,gap,3"
    source["gap held-out"] = "biaske,held_out,,gap,3"
    source["SS edited"] = "biaske,edited,,ss.macro,1"
    source["SS held-out"] = "biaske,held_out,,ss.macro,1"
    source["PS"] = "biaske,all,,ps,1"
    source["LMS"] = "biaske,all,,lms.macro,1"
    source["DS"] = "biaske,all,,ds,1"
    source["DS none"] = "biaske,all,none,ds,1"
    source["RS"] = "biaske,all,,rs.top1,1"
    source["RS none"] = "biaske,all,none,rs.top1,1"
    source["perplexity"] = "text,all,none,perplexity,1"
    source["CrowS"] = "crows_pairs,all,,crows,1"
    source["StereoSet SS"] = "stereoset,all,,ss.macro,1"
}
FNR == 1 { file++ }
file == 1 { cpu[$1, $2, $3 == "" ? "-" : $3] += $NF; cells[$1, $2, $3 == "" ? "-" : $3]++; next }
FNR > 1 {
    own = $2 ~ /,/ || $2 == "all" ? "all" : $2 # the name of a cell's own category
    row = $1 SUBSEP $2 SUBSEP $3
    if (!(row in seen)) { seen[row] = 1; order[++rows] = row; seeds[row] = $13 }
    if (!(($1, $3) in setting_of)) { setting_of[$1, $3] = 1; settings[$1] = settings[$1] SUBSEP $3 }
    key = row SUBSEP $4 SUBSEP $5 SUBSEP ($6 == own ? "" : $6) SUBSEP $7
    before[key] = $8; after[key] = $9; least[key] = $11; most[key] = $12
}
# The key of a heading's numbers in a row.
function key_of(row, heading,    part) {
    split(source[heading], part, ",")
    return row SUBSEP part[1] SUBSEP part[2] SUBSEP part[3] SUBSEP part[4]
}
function minutes(row) { return row in cells ? cpu[row] / cells[row] / 60 : "" }
# What a row has under a heading; `gap`: the heading before it. Adds to the sums of the model's setting.
function cell(row, heading, gap, total,    key, part, format) {
    if (heading == "CPU minutes") {
        add(total, heading, 0, minutes(row))
        return minutes(row) == "" || minutes(row) == 0 ? "-" : sprintf("%.1f", minutes(row))
    }
    key = key_of(row, heading == "share left" ? gap : heading)
    if (!(key in after) || after[key] == "nan" || before[key] == "nan") { return "-" }
    if (heading == "share left") {
        add(total, heading SUBSEP gap, 0, before[key] > 0 ? after[key] / before[key] : 0)
        return before[key] > 0 ? sprintf("%.2f", after[key] / before[key]) : "-"
    }
    add(total, heading, before[key], after[key])
    split(source[heading], part, ",")
    format = most[key] < 1e5 ? "%." part[5] "f" : "%.3g" # perplexities of a broken model
    return sprintf(format " -> " format " (" format " to " format ")", before[key], after[key], least[key], most[key])
}
function add(total, heading, one, other) { from[total, heading] += one; to[total, heading] += other; count[total, heading]++ }
function mean(total, heading, gap,    n, part, format) {
    if (heading == "share left") { heading = heading SUBSEP gap }
    n = count[total, heading]
    if (n == 0) { return "-" }
    if (heading ~ /^share left/) { return sprintf("%.2f", to[total, heading] / n) }
    if (heading == "CPU minutes") { return to[total, heading] == 0 ? "-" : sprintf("%.1f", to[total, heading] / n) }
    split(source[heading], part, ",")
    format = to[total, heading] / n < 1e5 ? "%." part[5] "f" : "%.3g"
    return sprintf(format " -> " format, from[total, heading] / n, to[total, heading] / n)
}
function print_total(t, model, setting, columns, heading,    k, line) {
    line = "| " model " | **mean** | " setting " |"
    for (k = 1; k <= columns; k++) { line = line " " mean(t SUBSEP model SUBSEP setting, heading[k], heading[k - 1]) " |" }
    print line " |"
}
END {
    for (t = 1; t <= 2; t++) {
        columns = split(table[t], heading, ",")
        line = "| model | category | setting |"; rule = "|---|---|---|"
        for (k = 1; k <= columns; k++) { line = line " " heading[k] " |"; rule = rule "---|" }
        print (t > 1 ? "\n" : "") line " seeds |\n" rule "---|"
        for (i = 1; i <= rows; i++) {
            split(order[i], part, SUBSEP)
            line = "| " part[1] " | " part[2] " | " part[3] " |"
            for (k = 1; k <= columns; k++) { line = line " " cell(order[i], heading[k], heading[k - 1], t SUBSEP part[1] SUBSEP part[3]) " |" }
            print line " " seeds[order[i]] " |"
            split(i < rows ? order[i + 1] : "", following, SUBSEP)
            if (i == rows || following[1] != part[1]) {
                n = split(substr(settings[part[1]], 2), setting, SUBSEP)
                for (k = 1; k <= n; k++) { print_total(t, part[1], setting[k], columns, heading) }
            }
        }
    }
}
