# Fuzz targets: one for every decoder that reads bytes from outside.
#
# To add one, write tests/fuzz/fuzz_X.c (see fuzz.h), put small inputs of our
# own making into tests/fuzz/corpus/fuzz_X/, and beside the part's sources say:
#
#   fuzz_targets += tests/fuzz/fuzz_X
#   tests_fuzz_fuzz_X_LDADD = $(fuzz_main) lib/part/libpart.la
#
# (automake finds the one source file by itself; with more than one, name them
# in tests_fuzz_fuzz_X_SOURCES.)
#
# Normal and sanitizer builds: "make check" replays the corpus and all of its
# small damages (replay.c).  configure --enable-fuzzing CC=clang: libFuzzer,
# and "make fuzz" runs each target for FUZZ_SECONDS, keeping what it finds in
# tests/fuzz/found/fuzz_X of the build; "make fuzz FUZZ_TARGETS=tests/fuzz/fuzz_X"
# runs one.
EXTRA_DIST += tests/fuzz/corpus

if FUZZING
noinst_PROGRAMS += $(fuzz_targets)
fuzz_main = @LIB_FUZZING_ENGINE@
else
check_PROGRAMS += $(fuzz_targets)
check_LTLIBRARIES += tests/fuzz/libreplay.la
fuzz_main = tests/fuzz/libreplay.la
endif
tests_fuzz_libreplay_la_SOURCES = tests/fuzz/replay.c tests/fuzz/fuzz.h

FUZZ_SECONDS = 20
FUZZ_TARGETS = $(fuzz_targets)

if FUZZING
.PHONY: fuzz
fuzz: $(fuzz_targets)
	@for target in $(FUZZ_TARGETS); do \
	  name=$${target##*/}; \
	  found=tests/fuzz/found/$$name; \
	  mkdir -p $$found; \
	  echo "  FUZZ     $$name for $(FUZZ_SECONDS) s"; \
	  $$target -max_total_time=$(FUZZ_SECONDS) -timeout=10 -artifact_prefix=$$found- \
	    $$found $(srcdir)/tests/fuzz/corpus/$$name >$$found.log 2>&1 || { tail -n 50 $$found.log; exit 1; }; \
	  tail -n 1 $$found.log; \
	done
endif
