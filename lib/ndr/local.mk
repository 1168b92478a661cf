noinst_LTLIBRARIES += lib/ndr/libndr.la
lib_ndr_libndr_la_SOURCES = lib/ndr/credentials.c lib/ndr/credentials.h lib/ndr/logon_info.c lib/ndr/logon_info.h lib/ndr/ndr.c lib/ndr/ndr.h lib/ndr/ndr_write.c lib/ndr/ndr_write.h lib/ndr/pac.c \
	lib/ndr/pac.h lib/ndr/validation_info.c lib/ndr/validation_info.h
lib_ndr_libndr_la_CPPFLAGS = $(AM_CPPFLAGS) $(TALLOC_CFLAGS)
lib_ndr_libndr_la_LIBADD = lib/sid/libsid.la $(TALLOC_LIBS)

fuzz_targets += tests/fuzz/fuzz_pac tests/fuzz/fuzz_pac_credentials tests/fuzz/fuzz_logon_info
tests_fuzz_fuzz_pac_CPPFLAGS = $(AM_CPPFLAGS) $(TALLOC_CFLAGS)
tests_fuzz_fuzz_pac_LDADD = $(fuzz_main) lib/ndr/libndr.la $(TALLOC_LIBS)
tests_fuzz_fuzz_pac_credentials_CPPFLAGS = $(AM_CPPFLAGS) $(TALLOC_CFLAGS)
tests_fuzz_fuzz_pac_credentials_LDADD = $(fuzz_main) lib/ndr/libndr.la $(TALLOC_LIBS)
tests_fuzz_fuzz_logon_info_CPPFLAGS = $(AM_CPPFLAGS) $(TALLOC_CFLAGS)
tests_fuzz_fuzz_logon_info_LDADD = $(fuzz_main) lib/ndr/libndr.la $(TALLOC_LIBS)

EXTRA_PROGRAMS += tests/fuzz/make_pac_corpus
tests_fuzz_make_pac_corpus_SOURCES = tests/fuzz/make_pac_corpus.c tests/unit/pac_builder.c tests/unit/pac_builder.h
tests_fuzz_make_pac_corpus_CPPFLAGS = $(AM_CPPFLAGS) $(TALLOC_CFLAGS)
tests_fuzz_make_pac_corpus_LDADD = lib/ndr/libndr.la $(TALLOC_LIBS)
CLEANFILES += tests/fuzz/make_pac_corpus$(EXEEXT)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_logon_info tests/unit/test_ndr tests/unit/test_pac tests/unit/test_pac_credentials
tests_unit_test_logon_info_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(TALLOC_CFLAGS)
tests_unit_test_logon_info_LDADD = lib/ndr/libndr.la $(CMOCKA_LIBS) $(TALLOC_LIBS)

tests_unit_test_ndr_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(TALLOC_CFLAGS)
tests_unit_test_ndr_LDADD = lib/ndr/libndr.la $(CMOCKA_LIBS) $(TALLOC_LIBS)

tests_unit_test_pac_SOURCES = tests/unit/test_pac.c tests/unit/pac_builder.c tests/unit/pac_builder.h
tests_unit_test_pac_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(TALLOC_CFLAGS)
tests_unit_test_pac_LDADD = lib/ndr/libndr.la $(CMOCKA_LIBS) $(TALLOC_LIBS)

tests_unit_test_pac_credentials_SOURCES = tests/unit/test_pac_credentials.c tests/unit/pac_builder.c tests/unit/pac_builder.h
tests_unit_test_pac_credentials_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(TALLOC_CFLAGS)
tests_unit_test_pac_credentials_LDADD = lib/ndr/libndr.la lib/base/libbase.la $(CMOCKA_LIBS) $(TALLOC_LIBS)
endif

# Against what Samba reads, for tests/system/36-samba-reads.bats.
EXTRA_PROGRAMS += tests/system/infoprobe
tests_system_infoprobe_SOURCES = tests/system/infoprobe.c tests/system/tellinfo.c tests/system/tellinfo.h
tests_system_infoprobe_CPPFLAGS = $(AM_CPPFLAGS) $(TALLOC_CFLAGS)
tests_system_infoprobe_LDADD = lib/ndr/libndr.la lib/sid/libsid.la lib/base/libbase.la $(TALLOC_LIBS)
