noinst_LTLIBRARIES += lib/krb/libkrb.la
lib_krb_libkrb_la_SOURCES = lib/krb/card.c lib/krb/ccache.c lib/krb/ccache.h lib/krb/ccache_name.c lib/krb/computer.c lib/krb/computer_keys.c lib/krb/computer_keys.h lib/krb/edata.c \
	lib/krb/edata.h lib/krb/exchange.c lib/krb/exchange.h lib/krb/failure.c lib/krb/failure.h lib/krb/initial.c lib/krb/kdc.c \
	lib/krb/kdc.h lib/krb/krb.h lib/krb/ntlm_file.c lib/krb/ntlm_file.h lib/krb/ntlm_line.c lib/krb/ntlm_line.h lib/krb/password.c lib/krb/pkinit_seen.c lib/krb/pkinit_seen.h lib/krb/profile.c \
	lib/krb/reply_key.c lib/krb/reply_key.h lib/krb/reply_key_note.c lib/krb/steps.c lib/krb/steps.h lib/krb/tgs.c lib/krb/tgs.h lib/krb/verifier.c lib/krb/verifier.h lib/krb/verify.c
lib_krb_libkrb_la_CPPFLAGS = $(AM_CPPFLAGS) $(KRB5_CFLAGS) $(CRYPTO_CFLAGS) $(TALLOC_CFLAGS)
lib_krb_libkrb_la_LIBADD = lib/base/libbase.la lib/ndr/libndr.la lib/sid/libsid.la \
	$(KRB5_LIBS) $(CRYPTO_LIBS) $(TALLOC_LIBS)

# libkrb5's module for PKINIT, with an ear for the AS reply key. It is loaded by libkrb5 alone, by a path in our profile.
pkglib_LTLIBRARIES += lib/krb/clpreauth_authsod.la
lib_krb_clpreauth_authsod_la_SOURCES = lib/krb/clpreauth_authsod.c lib/krb/reply_key_note.c lib/krb/reply_key.h
lib_krb_clpreauth_authsod_la_CPPFLAGS = $(AM_CPPFLAGS) $(KRB5_CFLAGS) $(TALLOC_CFLAGS)
lib_krb_clpreauth_authsod_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared $(module_whole) \
	-Wl,--version-script=$(top_srcdir)/lib/krb/clpreauth_authsod.map
lib_krb_clpreauth_authsod_la_LIBADD = $(KRB5_LIBS) -ldl
EXTRA_lib_krb_clpreauth_authsod_la_DEPENDENCIES = lib/krb/clpreauth_authsod.map
EXTRA_DIST += lib/krb/clpreauth_authsod.map

# lib/krb against a real domain, for tests/system/30-krb.bats.
noinst_PROGRAMS += tests/system/krbprobe
tests_system_krbprobe_SOURCES = tests/system/krbprobe.c tests/system/tellinfo.c tests/system/tellinfo.h
tests_system_krbprobe_CPPFLAGS = $(AM_CPPFLAGS) $(KRB5_CFLAGS) $(TALLOC_CFLAGS)
tests_system_krbprobe_LDADD = lib/krb/libkrb.la lib/card/libcard.la lib/proto/libproto.la $(KRB5_LIBS) $(TALLOC_LIBS)

# A KDC that lies, for tests/system/80-rogue.bats.
EXTRA_PROGRAMS += tests/system/liarkdc
tests_system_liarkdc_SOURCES = tests/system/liarkdc.c tests/system/liarkdc.h tests/system/liarkdc_reply.c \
	tests/unit/pac_builder.c tests/unit/pac_builder.h
tests_system_liarkdc_CPPFLAGS = $(AM_CPPFLAGS) $(KRB5_CFLAGS) $(TALLOC_CFLAGS)
tests_system_liarkdc_LDADD = lib/ndr/libndr.la lib/sid/libsid.la lib/base/libbase.la $(KRB5_LIBS) $(TALLOC_LIBS)

fuzz_targets += tests/fuzz/fuzz_ccache tests/fuzz/fuzz_krb_edata tests/fuzz/fuzz_krb_reply_key
tests_fuzz_fuzz_ccache_CPPFLAGS = $(AM_CPPFLAGS) $(KRB5_CFLAGS) $(TALLOC_CFLAGS)
tests_fuzz_fuzz_ccache_LDADD = $(fuzz_main) lib/krb/libkrb.la lib/proto/libproto.la
tests_fuzz_fuzz_krb_edata_CPPFLAGS = $(AM_CPPFLAGS) $(KRB5_CFLAGS) $(TALLOC_CFLAGS)
tests_fuzz_fuzz_krb_edata_LDADD = $(fuzz_main) lib/krb/libkrb.la
tests_fuzz_fuzz_krb_reply_key_CPPFLAGS = $(AM_CPPFLAGS) $(KRB5_CFLAGS) $(TALLOC_CFLAGS)
tests_fuzz_fuzz_krb_reply_key_LDADD = $(fuzz_main) lib/krb/libkrb.la

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_ccache tests/unit/test_krb tests/unit/test_krb_card tests/unit/test_krb_card_again tests/unit/test_krb_verify
tests_unit_test_ccache_SOURCES = tests/unit/test_ccache.c
tests_unit_test_ccache_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(KRB5_CFLAGS) $(TALLOC_CFLAGS)
tests_unit_test_ccache_LDADD = lib/krb/libkrb.la lib/proto/libproto.la $(CMOCKA_LIBS) $(KRB5_LIBS) $(TALLOC_LIBS)
tests_unit_test_krb_SOURCES = tests/unit/test_krb.c
tests_unit_test_krb_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(KRB5_CFLAGS) $(TALLOC_CFLAGS)
tests_unit_test_krb_LDADD = lib/krb/libkrb.la lib/proto/libproto.la $(CMOCKA_LIBS) $(KRB5_LIBS) $(TALLOC_LIBS)
tests_unit_test_krb_card_SOURCES = tests/unit/test_krb_card.c
tests_unit_test_krb_card_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(KRB5_CFLAGS) $(TALLOC_CFLAGS)
tests_unit_test_krb_card_LDADD = lib/krb/libkrb.la lib/proto/libproto.la $(CMOCKA_LIBS) $(KRB5_LIBS) $(TALLOC_LIBS)
# Its own krb5_set_trace_callback and steps of libkrb5 take the place of the library's.
tests_unit_test_krb_card_again_SOURCES = tests/unit/test_krb_card_again.c
tests_unit_test_krb_card_again_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(KRB5_CFLAGS) $(TALLOC_CFLAGS)
tests_unit_test_krb_card_again_LDADD = lib/krb/libkrb.la lib/proto/libproto.la $(CMOCKA_LIBS) $(KRB5_LIBS) $(TALLOC_LIBS)
tests_unit_test_krb_verify_SOURCES = tests/unit/test_krb_verify.c tests/unit/pac_builder.c tests/unit/pac_builder.h
tests_unit_test_krb_verify_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(KRB5_CFLAGS) $(TALLOC_CFLAGS)
tests_unit_test_krb_verify_LDADD = lib/krb/libkrb.la lib/proto/libproto.la $(CMOCKA_LIBS) $(KRB5_LIBS) $(TALLOC_LIBS)

# The module, beside what it takes for libkrb5's own.
check_LTLIBRARIES += tests/unit/pkinit.la
tests_unit_pkinit_la_SOURCES = tests/unit/fake_pkinit.c tests/unit/fake_pkinit.h
tests_unit_pkinit_la_CPPFLAGS = $(AM_CPPFLAGS) $(KRB5_CFLAGS)
tests_unit_pkinit_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
check_PROGRAMS += tests/unit/test_krb_reply_key tests/unit/test_ntlm_line
tests_unit_test_ntlm_line_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_ntlm_line_LDADD = lib/krb/libkrb.la lib/base/libbase.la $(CMOCKA_LIBS)
tests_unit_test_krb_reply_key_SOURCES = tests/unit/test_krb_reply_key.c tests/unit/credential_data.h tests/unit/fake_pkinit.h
tests_unit_test_krb_reply_key_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(KRB5_CFLAGS) $(TALLOC_CFLAGS) \
	-DTEST_KRB_MODULE='"$(abs_top_builddir)/lib/krb/.libs/clpreauth_authsod.so"' \
	-DTEST_KRB_PKINIT='"$(abs_top_builddir)/tests/unit/.libs/pkinit.so"'
tests_unit_test_krb_reply_key_LDADD = lib/krb/libkrb.la lib/base/libbase.la $(CMOCKA_LIBS) $(KRB5_LIBS) $(TALLOC_LIBS) -ldl
EXTRA_tests_unit_test_krb_reply_key_DEPENDENCIES = lib/krb/clpreauth_authsod.la tests/unit/pkinit.la
endif
