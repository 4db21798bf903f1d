# functions.tsv -> a table in C, sorted for binary search. Anything that isn't as the reader of the table
# expects it (order, verdicts, characters) fails the build.
BEGIN {
    FS = "\t"
    columns = "name schema extension volatility kind min_args max_args verdict reason"
    verdict["allow"] = "FUNCTION_VERDICT_ALLOW"
    verdict["deny"] = "FUNCTION_VERDICT_DENY"
    verdict["conditional"] = "FUNCTION_VERDICT_CONDITIONAL"
}

function fail(why) {
    printf "functions.tsv:%d: %s\n", NR, why > "/dev/stderr"
    failed = 1
    exit 1
}

NR == 1 {
    line = $0
    gsub("\t", " ", line)
    if (line != columns)
        fail("the columns must be: " columns)
    print "/* Made from rules/functions.tsv by rules/functions.awk. */" > out
    print "#include \"functions.h\"\n\nconst struct function_row functions_table[] = {" > out
    next
}

{
    if (NF != 9)
        fail("nine columns, please")
    if (!($8 in verdict))
        fail("the verdict must be allow, deny or conditional")
    if ($0 ~ /["\\]/ || $1 == "" || $2 == "")
        fail("quotes, backslashes, and empty names or schemas aren't expected here")
    if (NR > 2 && ($1 "") < (last ""))
        fail("lines must be sorted by name, in the order of bytes")
    last = $1
    printf "    {\"%s\", \"%s\", \"%s\", %s, \"%s\"},\n", $1, $2, $3, verdict[$8], $9 > out
    rows++
}

END {
    if (failed)
        exit 1
    printf "};\n\nconst size_t functions_table_count = %d;\n", rows > out
}
