noinst_LTLIBRARIES += lib/directory/libdirectory.la
lib_directory_libdirectory_la_SOURCES = lib/directory/ber.c lib/directory/ber.h lib/directory/cldap.c \
	lib/directory/dns.c lib/directory/dns.h lib/directory/locator.c lib/directory/locator.h \
	lib/directory/locator_private.h lib/directory/net.c lib/directory/net.h lib/directory/netlogon.c \
	lib/directory/ping.c lib/directory/ping.h lib/directory/srv.c lib/directory/text.c lib/directory/text.h
lib_directory_libdirectory_la_CPPFLAGS = $(AM_CPPFLAGS) $(TALLOC_CFLAGS)
lib_directory_libdirectory_la_LIBADD = lib/sid/libsid.la lib/proto/libproto.la lib/base/libbase.la \
	$(TALLOC_LIBS) $(RESOLV_LIBS)

fuzz_targets += tests/fuzz/fuzz_cldap tests/fuzz/fuzz_srv
tests_fuzz_fuzz_cldap_LDADD = $(fuzz_main) lib/directory/libdirectory.la
tests_fuzz_fuzz_srv_LDADD = $(fuzz_main) lib/directory/libdirectory.la

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_cldap tests/unit/test_locator
tests_unit_test_cldap_SOURCES = tests/unit/test_cldap.c tests/unit/dc_answer.h
tests_unit_test_cldap_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_cldap_LDADD = lib/directory/libdirectory.la $(CMOCKA_LIBS)
tests_unit_test_locator_SOURCES = tests/unit/test_locator.c tests/unit/fake_domain.c tests/unit/fake_domain.h \
	tests/unit/dc_answer.h
tests_unit_test_locator_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_locator_LDADD = lib/directory/libdirectory.la $(CMOCKA_LIBS)
endif
