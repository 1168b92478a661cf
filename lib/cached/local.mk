noinst_LTLIBRARIES += lib/cached/libcached.la
lib_cached_libcached_la_SOURCES = lib/cached/cached.c lib/cached/cached.h lib/cached/cached_file.c \
	lib/cached/cached_folder.c lib/cached/cached_private.h
lib_cached_libcached_la_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS) $(TALLOC_CFLAGS)
lib_cached_libcached_la_LIBADD = lib/sid/libsid.la lib/base/libbase.la $(CRYPTO_LIBS) $(TALLOC_LIBS)

fuzz_targets += tests/fuzz/fuzz_cached
tests_fuzz_fuzz_cached_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS) $(TALLOC_CFLAGS)
tests_fuzz_fuzz_cached_LDADD = $(fuzz_main) lib/cached/libcached.la $(CRYPTO_LIBS) $(TALLOC_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_cached
tests_unit_test_cached_SOURCES = tests/unit/test_cached.c
tests_unit_test_cached_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(CRYPTO_CFLAGS) $(TALLOC_CFLAGS)
tests_unit_test_cached_LDADD = lib/cached/libcached.la $(CMOCKA_LIBS) $(CRYPTO_LIBS) $(TALLOC_LIBS)
endif
