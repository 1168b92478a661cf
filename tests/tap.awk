# Shows the TAP of one part of the tests on its way, and adds one line for each
# test to the file `results`: pass, fail, or skip with the reason.
# Variables: part, the name before each test's; results.

function result(state, name, why) {
  name = name == "" ? part : part ": " name
  if (state == "skip" && why == "") {
    state = "fail"
    why = "skipped without a reason"
  }
  if (state == "pass")
    print "ok    " name
  else if (state == "skip")
    print "skip  " name ": " why
  else
    print "FAIL  " name (why == "" ? "" : ": " why)
  fflush()
  print state " " name (why == "" ? "" : ": " why) >>results
  close(results)
}

/^(not )?ok( |$)/ {
  bad = /^not /
  name = $0
  why = ""
  skip = 0
  sub(/^(not )?ok *[0-9]* *(- *)?/, "", name)
  if (match(name, / *# *([sS][kK][iI][pP]|[tT][oO][dD][oO]) */)) {
    why = substr(name, RSTART + RLENGTH)
    name = substr(name, 1, RSTART - 1)
    skip = 1
  }
  count++
  if (bad)
    failed++
  result(bad ? "fail" : skip ? "skip" : "pass", name, why)
  # What is printed before a test's line can belong to it, too.
  if (bad)
    for (i = kept - 30 > 0 ? kept - 30 : 0; i < kept; i++)
      print "        " lines[i]
  kept = 0
  next
}

/^1\.\.[0-9]+/ {
  plan = substr($0, 4) + 0
  planned = 1
  next
}

bad && /^#/ {
  print "      " $0
  fflush()
  next
}

{
  lines[kept++] = $0
}

END {
  if (!planned || count < plan) {
    result("fail", "ran to its end", count + 0 " tests of " (planned ? plan : "an unknown number"))
    for (i = kept - 60 > 0 ? kept - 60 : 0; i < kept; i++)
      print "      # " lines[i]
  }
}
