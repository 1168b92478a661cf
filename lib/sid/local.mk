noinst_LTLIBRARIES += lib/sid/libsid.la
lib_sid_libsid_la_SOURCES = lib/sid/idmap.c lib/sid/idmap.h lib/sid/lower.c lib/sid/lower.h \
	lib/sid/name.c lib/sid/name.h lib/sid/sid.c lib/sid/sid.h
lib_sid_libsid_la_CPPFLAGS = $(AM_CPPFLAGS) $(IDMAP_CFLAGS) $(TALLOC_CFLAGS)
lib_sid_libsid_la_LIBADD = lib/base/libbase.la $(IDMAP_LIBS) $(TALLOC_LIBS)

fuzz_targets += tests/fuzz/fuzz_sid_name
tests_fuzz_fuzz_sid_name_LDADD = $(fuzz_main) lib/sid/libsid.la

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_sid
tests_unit_test_sid_SOURCES = tests/unit/test_sid.c
tests_unit_test_sid_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_sid_LDADD = lib/sid/libsid.la $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_name
tests_unit_test_name_SOURCES = tests/unit/test_name.c
tests_unit_test_name_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_name_LDADD = lib/sid/libsid.la $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_idmap
tests_unit_test_idmap_SOURCES = tests/unit/test_idmap.c
tests_unit_test_idmap_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(TALLOC_CFLAGS)
tests_unit_test_idmap_LDADD = lib/sid/libsid.la $(CMOCKA_LIBS) $(TALLOC_LIBS)
endif
