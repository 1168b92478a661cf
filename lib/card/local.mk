noinst_LTLIBRARIES += lib/card/libcard.la
lib_card_libcard_la_SOURCES = lib/card/asn1_time.h lib/card/card.h lib/card/card_private.h lib/card/certificate.c \
	lib/card/certificate.h lib/card/chain.c lib/card/chain.h lib/card/chain_private.h lib/card/crl.c \
	lib/card/failure.c lib/card/failure.h lib/card/look.c lib/card/module.c lib/card/name.c lib/card/name.h \
	lib/card/pem.c lib/card/presence.c lib/card/proof.c lib/card/proof.h lib/card/session.c lib/card/text.c \
	lib/card/text.h
lib_card_libcard_la_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS) $(P11_KIT_CFLAGS) $(TALLOC_CFLAGS) \
	-DAUTHSOD_P11_MODULE_PATH='"$(P11_MODULE_PATH)"'
lib_card_libcard_la_LIBADD = lib/base/libbase.la $(CRYPTO_LIBS) $(P11_KIT_LIBS) $(TALLOC_LIBS)

# lib/card against real modules, for tests/system/55-card.bats.
noinst_PROGRAMS += tests/system/cardprobe
tests_system_cardprobe_SOURCES = tests/system/cardprobe.c
tests_system_cardprobe_CPPFLAGS = $(AM_CPPFLAGS) $(TALLOC_CFLAGS)
tests_system_cardprobe_LDADD = lib/card/libcard.la $(TALLOC_LIBS)

# SoftHSM behind a PIN pad, for tests/system/56-pkinit.bats.
noinst_LTLIBRARIES += tests/system/padpkcs11.la
tests_system_padpkcs11_la_SOURCES = tests/system/padpkcs11.c
tests_system_padpkcs11_la_CPPFLAGS = $(AM_CPPFLAGS) $(P11_KIT_CFLAGS)
tests_system_padpkcs11_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
tests_system_padpkcs11_la_LIBADD = -ldl

fuzz_targets += tests/fuzz/fuzz_card_certificate
tests_fuzz_fuzz_card_certificate_CPPFLAGS = $(AM_CPPFLAGS) $(TALLOC_CFLAGS)
tests_fuzz_fuzz_card_certificate_LDADD = $(fuzz_main) lib/card/libcard.la lib/base/libbase.la $(TALLOC_LIBS)

fuzz_targets += tests/fuzz/fuzz_card_chain
tests_fuzz_fuzz_card_chain_SOURCES = tests/fuzz/fuzz_card_chain.c tests/fuzz/card_chain_pem.h
tests_fuzz_fuzz_card_chain_CPPFLAGS = $(AM_CPPFLAGS) $(TALLOC_CFLAGS)
tests_fuzz_fuzz_card_chain_LDADD = $(fuzz_main) lib/card/libcard.la lib/base/libbase.la $(TALLOC_LIBS)

EXTRA_PROGRAMS += tests/fuzz/make_card_corpus
tests_fuzz_make_card_corpus_SOURCES = tests/fuzz/make_card_corpus.c tests/unit/certificate_builder.c \
	tests/unit/certificate_builder.h
tests_fuzz_make_card_corpus_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS)
tests_fuzz_make_card_corpus_LDADD = $(CRYPTO_LIBS)
CLEANFILES += tests/fuzz/make_card_corpus$(EXEEXT)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_card_certificate
tests_unit_test_card_certificate_SOURCES = tests/unit/test_card_certificate.c tests/unit/certificate_builder.c \
	tests/unit/certificate_builder.h
tests_unit_test_card_certificate_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(CRYPTO_CFLAGS) $(TALLOC_CFLAGS)
tests_unit_test_card_certificate_LDADD = lib/card/libcard.la $(CMOCKA_LIBS) $(CRYPTO_LIBS) $(TALLOC_LIBS)

check_PROGRAMS += tests/unit/test_card_chain tests/unit/test_card_chain_files tests/unit/test_card_crl
chain_fixture = tests/unit/chain_fixture.c tests/unit/chain_fixture.h tests/unit/certificate_builder.c \
	tests/unit/certificate_builder.h
tests_unit_test_card_chain_SOURCES = tests/unit/test_card_chain.c $(chain_fixture)
tests_unit_test_card_chain_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(CRYPTO_CFLAGS) $(TALLOC_CFLAGS)
tests_unit_test_card_chain_LDADD = lib/card/libcard.la $(CMOCKA_LIBS) $(CRYPTO_LIBS) $(TALLOC_LIBS)
tests_unit_test_card_crl_SOURCES = tests/unit/test_card_crl.c $(chain_fixture)
tests_unit_test_card_crl_CPPFLAGS = $(tests_unit_test_card_chain_CPPFLAGS)
tests_unit_test_card_crl_LDADD = $(tests_unit_test_card_chain_LDADD)
tests_unit_test_card_chain_files_SOURCES = tests/unit/test_card_chain_files.c $(chain_fixture)
tests_unit_test_card_chain_files_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(CRYPTO_CFLAGS) $(TALLOC_CFLAGS)
tests_unit_test_card_chain_files_LDADD = lib/card/libcard.la lib/base/libbase.la $(CMOCKA_LIBS) $(CRYPTO_LIBS) \
	$(TALLOC_LIBS)

# A PKCS#11 module that does what the test tells it.
check_LTLIBRARIES += tests/unit/fake_pkcs11.la
tests_unit_fake_pkcs11_la_SOURCES = tests/unit/fake_pkcs11.c tests/unit/fake_pkcs11.h
tests_unit_fake_pkcs11_la_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS) $(P11_KIT_CFLAGS)
tests_unit_fake_pkcs11_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
tests_unit_fake_pkcs11_la_LIBADD = $(CRYPTO_LIBS)

card_fixture = tests/unit/card_fixture.c tests/unit/card_fixture.h tests/unit/fake_pkcs11.h
card_fixture_cppflags = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS) $(CRYPTO_CFLAGS) $(P11_KIT_CFLAGS) $(TALLOC_CFLAGS) \
	-DTEST_FAKE_PKCS11='"$(abs_top_builddir)/tests/unit/.libs/fake_pkcs11.so"'
check_PROGRAMS += tests/unit/test_card tests/unit/test_card_pin
tests_unit_test_card_SOURCES = tests/unit/test_card.c $(card_fixture) $(chain_fixture)
tests_unit_test_card_CPPFLAGS = $(card_fixture_cppflags)
tests_unit_test_card_LDADD = lib/card/libcard.la $(CMOCKA_LIBS) $(CRYPTO_LIBS) $(TALLOC_LIBS) -ldl
EXTRA_tests_unit_test_card_DEPENDENCIES = tests/unit/fake_pkcs11.la
tests_unit_test_card_pin_SOURCES = tests/unit/test_card_pin.c $(card_fixture) tests/unit/certificate_builder.c \
	tests/unit/certificate_builder.h
tests_unit_test_card_pin_CPPFLAGS = $(card_fixture_cppflags)
tests_unit_test_card_pin_LDADD = lib/card/libcard.la $(CMOCKA_LIBS) $(CRYPTO_LIBS) $(TALLOC_LIBS) -ldl
EXTRA_tests_unit_test_card_pin_DEPENDENCIES = tests/unit/fake_pkcs11.la
endif
