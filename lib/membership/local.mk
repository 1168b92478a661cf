noinst_LTLIBRARIES += lib/membership/libmembership.la
lib_membership_libmembership_la_SOURCES = lib/membership/account.c lib/membership/account.h lib/membership/keytab.c \
	lib/membership/keytab.h lib/membership/machine_secret.c lib/membership/machine_secret.h \
	lib/membership/replace.c lib/membership/replace.h lib/membership/replace_journal.c \
	lib/membership/replace_journal.h lib/membership/replace_private.h lib/membership/rotation.c \
	lib/membership/rotation.h
lib_membership_libmembership_la_CPPFLAGS = $(AM_CPPFLAGS) $(KRB5_CFLAGS) $(CRYPTO_CFLAGS) $(TALLOC_CFLAGS)
lib_membership_libmembership_la_LIBADD = lib/directory/libdirectory.la lib/base/libbase.la $(KRB5_LIBS) \
	$(CRYPTO_LIBS) $(TALLOC_LIBS)

fuzz_targets += tests/fuzz/fuzz_journal tests/fuzz/fuzz_machine_secret
tests_fuzz_fuzz_journal_LDADD = $(fuzz_main) lib/membership/libmembership.la
tests_fuzz_fuzz_machine_secret_LDADD = $(fuzz_main) lib/membership/libmembership.la

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_membership tests/unit/test_replace
folder = tests/unit/folder.c tests/unit/folder.h
tests_unit_test_membership_SOURCES = tests/unit/test_membership.c tests/unit/fake_directory.h $(folder)
tests_unit_test_membership_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(KRB5_CFLAGS) $(LDAP_CFLAGS) $(TALLOC_CFLAGS)
tests_unit_test_membership_LDADD = lib/membership/libmembership.la lib/krb/libkrb.la lib/proto/libproto.la \
	$(CMOCKA_LIBS) $(KRB5_LIBS) $(LDAP_LIBS) $(TALLOC_LIBS)
tests_unit_test_replace_SOURCES = tests/unit/test_replace.c $(folder)
tests_unit_test_replace_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_replace_LDADD = lib/membership/libmembership.la $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_rotation
tests_unit_test_rotation_SOURCES = tests/unit/test_rotation.c tests/unit/secret_words.c tests/unit/secret_words.h $(folder)
tests_unit_test_rotation_CPPFLAGS = $(tests_unit_test_membership_CPPFLAGS)
tests_unit_test_rotation_LDADD = $(tests_unit_test_membership_LDADD)
endif
