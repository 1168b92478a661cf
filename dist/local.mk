# What an installation needs besides programs: systemd's files and the profile for pam-auth-update.
systemdsystemunit_DATA = dist/authsodd.service dist/authsodd.socket
sysusersdir = $(prefix)/lib/sysusers.d
tmpfilesdir = $(prefix)/lib/tmpfiles.d
EXTRA_DIST += dist/authsodd.service.in dist/authsodd.socket dist/sysusers.conf dist/tmpfiles.conf
CLEANFILES += dist/authsodd.service

dist/authsodd.service: dist/authsodd.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) dist && sed 's,@sbindir@,$(sbindir),g' $(srcdir)/dist/authsodd.service.in >$@.new && mv $@.new $@

# Two files that have the same name in their folders, which is not theirs here.
install-data-hook:
	$(MKDIR_P) '$(DESTDIR)$(sysusersdir)' '$(DESTDIR)$(tmpfilesdir)'
	$(INSTALL_DATA) $(srcdir)/dist/sysusers.conf '$(DESTDIR)$(sysusersdir)/authsod.conf'
	$(INSTALL_DATA) $(srcdir)/dist/tmpfiles.conf '$(DESTDIR)$(tmpfilesdir)/authsod.conf'
uninstall-hook:
	rm -f '$(DESTDIR)$(sysusersdir)/authsod.conf' '$(DESTDIR)$(tmpfilesdir)/authsod.conf'
