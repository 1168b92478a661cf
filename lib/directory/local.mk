noinst_LTLIBRARIES += lib/directory/libdirectory.la
lib_directory_libdirectory_la_SOURCES = lib/directory/account.c lib/directory/cldap.c lib/directory/credentials.c \
	lib/directory/credentials.h lib/directory/dns.c lib/directory/dns.h lib/directory/filter.c \
	lib/directory/ldap.c lib/directory/ldap.h lib/directory/ldap_computer.c lib/directory/ldap_group.c \
	lib/directory/ldap_private.h lib/directory/ldap_resource.c lib/directory/ldap_socket.c lib/directory/ldap_user.c \
	lib/directory/ldap_write.c lib/directory/ldap_write.h lib/directory/locator.c lib/directory/locator.h lib/directory/locator_private.h \
	lib/directory/netlogon.c lib/directory/ping.c lib/directory/ping.h lib/directory/srv.c lib/directory/text.c \
	lib/directory/text.h lib/directory/ticket.c lib/directory/value.c
lib_directory_libdirectory_la_CPPFLAGS = $(AM_CPPFLAGS) $(KRB5_CFLAGS) $(LDAP_CFLAGS) $(SASL_CFLAGS) $(TALLOC_CFLAGS)
lib_directory_libdirectory_la_LIBADD = lib/ndr/libndr.la lib/sid/libsid.la lib/proto/libproto.la lib/base/libbase.la \
	$(LDAP_LIBS) $(KRB5_LIBS) $(TALLOC_LIBS) $(RESOLV_LIBS)

fuzz_targets += tests/fuzz/fuzz_cldap tests/fuzz/fuzz_ldap tests/fuzz/fuzz_srv
tests_fuzz_fuzz_cldap_LDADD = $(fuzz_main) lib/directory/libdirectory.la
tests_fuzz_fuzz_ldap_LDADD = $(fuzz_main) lib/directory/libdirectory.la
tests_fuzz_fuzz_srv_LDADD = $(fuzz_main) lib/directory/libdirectory.la

# lib/directory by hand, and a server as nobody should meet one, for tests/system/20-directory.bats.
EXTRA_PROGRAMS += tests/system/dirprobe tests/system/fakeldap
tests_system_dirprobe_LDADD = lib/directory/libdirectory.la
tests_system_fakeldap_LDADD = lib/directory/libdirectory.la -lgssapi_krb5

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_cldap tests/unit/test_ldap tests/unit/test_ldap_computer tests/unit/test_ldap_group
check_PROGRAMS += tests/unit/test_ldap_resource tests/unit/test_locator
tests_unit_test_cldap_SOURCES = tests/unit/test_cldap.c tests/unit/dc_answer.h
tests_unit_test_cldap_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_cldap_LDADD = lib/directory/libdirectory.la $(CMOCKA_LIBS)
tests_unit_test_ldap_SOURCES = tests/unit/test_ldap.c tests/unit/fake_directory.h
tests_unit_test_ldap_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_ldap_LDADD = lib/directory/libdirectory.la $(CMOCKA_LIBS)
tests_unit_test_ldap_computer_SOURCES = tests/unit/test_ldap_computer.c tests/unit/fake_directory.h
tests_unit_test_ldap_computer_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_ldap_computer_LDADD = lib/directory/libdirectory.la $(CMOCKA_LIBS)
tests_unit_test_ldap_group_SOURCES = tests/unit/test_ldap_group.c tests/unit/fake_directory.h
tests_unit_test_ldap_group_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_ldap_group_LDADD = lib/directory/libdirectory.la $(CMOCKA_LIBS)
tests_unit_test_ldap_resource_SOURCES = tests/unit/test_ldap_resource.c tests/unit/fake_directory.h
tests_unit_test_ldap_resource_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_ldap_resource_LDADD = lib/directory/libdirectory.la $(CMOCKA_LIBS)
tests_unit_test_locator_SOURCES = tests/unit/test_locator.c tests/unit/fake_domain.c tests/unit/fake_domain.h \
	tests/unit/dc_answer.h
tests_unit_test_locator_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_locator_LDADD = lib/directory/libdirectory.la $(CMOCKA_LIBS)
endif
