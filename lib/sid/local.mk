noinst_LTLIBRARIES += lib/sid/libsid.la
lib_sid_libsid_la_SOURCES = lib/sid/sid.c lib/sid/sid.h
lib_sid_libsid_la_LIBADD = lib/base/libbase.la

fuzz_targets += tests/fuzz/fuzz_sid_name
tests_fuzz_fuzz_sid_name_LDADD = $(fuzz_main) lib/sid/libsid.la

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_sid
tests_unit_test_sid_SOURCES = tests/unit/test_sid.c
tests_unit_test_sid_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_sid_LDADD = lib/sid/libsid.la $(CMOCKA_LIBS)
endif
