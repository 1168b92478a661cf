noinst_LTLIBRARIES += lib/base/libbase.la
lib_base_libbase_la_SOURCES = lib/base/ber.c lib/base/ber.h lib/base/buf.c lib/base/buf.h lib/base/fd.c \
	lib/base/fd.h lib/base/hash.c lib/base/hash.h lib/base/log.c lib/base/log.h lib/base/net.c lib/base/net.h \
	lib/base/passwd_file.c lib/base/passwd_file.h lib/base/secret.c lib/base/secret.h lib/base/utf8.c \
	lib/base/utf8.h lib/base/visible.c lib/base/visible.h lib/base/wait.c lib/base/wait.h lib/base/word.h

fuzz_targets += tests/fuzz/fuzz_passwd_file
tests_fuzz_fuzz_passwd_file_LDADD = $(fuzz_main) lib/base/libbase.la

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_base
tests_unit_test_base_SOURCES = tests/unit/test_base.c
tests_unit_test_base_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_base_LDADD = lib/base/libbase.la $(CMOCKA_LIBS)
endif
