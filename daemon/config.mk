noinst_LTLIBRARIES += daemon/libconfig.la
daemon_libconfig_la_SOURCES = daemon/config.c daemon/config.h daemon/config_check.c daemon/config_check.h \
	daemon/config_describe.c daemon/config_expand.c daemon/config_file.c daemon/config_keys.c daemon/config_keys.h
daemon_libconfig_la_CFLAGS = $(AM_CFLAGS) $(TALLOC_CFLAGS) $(INIH_CFLAGS)
daemon_libconfig_la_LIBADD = lib/sid/libsid.la lib/base/libbase.la $(TALLOC_LIBS) $(INIH_LIBS)

dist_man_MANS += doc/man/authsod.conf.5
examplesdir = $(docdir)/examples
dist_examples_DATA = dist/authsod.conf

fuzz_targets += tests/fuzz/fuzz_config
tests_fuzz_fuzz_config_LDADD = $(fuzz_main) daemon/libconfig.la
tests_fuzz_fuzz_config_CFLAGS = $(AM_CFLAGS) $(TALLOC_CFLAGS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_config tests/unit/test_config_use
tests_unit_test_config_SOURCES = tests/unit/test_config.c
tests_unit_test_config_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(TALLOC_CFLAGS)
tests_unit_test_config_LDADD = daemon/libconfig.la $(TALLOC_LIBS) $(CMOCKA_LIBS)
tests_unit_test_config_use_SOURCES = tests/unit/test_config_use.c
tests_unit_test_config_use_CPPFLAGS = $(tests_unit_test_config_CPPFLAGS)
tests_unit_test_config_use_LDADD = $(tests_unit_test_config_LDADD)
endif
