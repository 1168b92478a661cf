# What an installation needs besides programs: systemd's files and the profile for pam-auth-update.
systemdsystemunit_DATA = dist/authsodd.service dist/authsodd.socket
sysusersdir = $(prefix)/lib/sysusers.d
tmpfilesdir = $(prefix)/lib/tmpfiles.d
pamconfigsdir = $(datadir)/pam-configs
polkitrulesdir = $(datadir)/polkit-1/rules.d
dist_polkitrules_DATA = dist/authsod-logind.rules dist/authsod-pcscd.rules
completionsdir = $(datadir)/bash-completion/completions
EXTRA_DIST += dist/authsodd.service.in dist/authsodd.socket dist/sysusers.conf dist/tmpfiles.conf
CLEANFILES += dist/authsodd.service

dist/authsodd.service: dist/authsodd.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) dist && sed 's,[@]sbindir[@],$(sbindir),g' $(srcdir)/dist/authsodd.service.in >$@.new && mv $@.new $@

# Files whose names in their folders are not theirs here.
install-data-hook:
	$(MKDIR_P) '$(DESTDIR)$(sysusersdir)' '$(DESTDIR)$(tmpfilesdir)' '$(DESTDIR)$(pamconfigsdir)' \
	  '$(DESTDIR)$(completionsdir)'
	$(INSTALL_DATA) $(srcdir)/dist/sysusers.conf '$(DESTDIR)$(sysusersdir)/authsod.conf'
	$(INSTALL_DATA) $(srcdir)/dist/tmpfiles.conf '$(DESTDIR)$(tmpfilesdir)/authsod.conf'
	$(INSTALL_DATA) $(srcdir)/dist/authsod.pam-config '$(DESTDIR)$(pamconfigsdir)/authsod'
	$(INSTALL_DATA) $(srcdir)/dist/authsod-password.pam-config '$(DESTDIR)$(pamconfigsdir)/authsod-password'
	$(INSTALL_DATA) $(srcdir)/dist/authsodctl.bash '$(DESTDIR)$(completionsdir)/authsodctl'
	rm -f '$(DESTDIR)$(pamdir)'/pam_authsod.la '$(DESTDIR)$(nssdir)'/libnss_authsod.la '$(DESTDIR)$(nssdir)'/libnss_authsod.so \
	  '$(DESTDIR)$(pkglibdir)'/clpreauth_authsod.la
# The modules by name: without a libtool archive, which serves nobody beside a module, libtool does not know them.
uninstall-hook:
	rm -f '$(DESTDIR)$(sysusersdir)/authsod.conf' '$(DESTDIR)$(tmpfilesdir)/authsod.conf'
	rm -f '$(DESTDIR)$(pamconfigsdir)/authsod' '$(DESTDIR)$(pamconfigsdir)/authsod-password'
	rm -f '$(DESTDIR)$(completionsdir)/authsodctl'
	rm -f '$(DESTDIR)$(pkglibdir)/clpreauth_authsod.so'
	rm -f '$(DESTDIR)$(pamdir)/pam_authsod.so' '$(DESTDIR)$(nssdir)'/libnss_authsod.so.2*
