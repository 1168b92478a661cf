noinst_LTLIBRARIES += daemon/libconfig.la
daemon_libconfig_la_SOURCES = daemon/config.c daemon/config.h daemon/config_check.c daemon/config_check.h \
	daemon/config_describe.c daemon/config_expand.c daemon/config_file.c daemon/config_keys.c daemon/config_keys.h
daemon_libconfig_la_CFLAGS = $(AM_CFLAGS) $(TALLOC_CFLAGS) $(INIH_CFLAGS)
daemon_libconfig_la_LIBADD = lib/base/libbase.la $(TALLOC_LIBS) $(INIH_LIBS)
