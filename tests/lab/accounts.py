#!/usr/bin/python3
"""Make the standard accounts of the lab in this computer's own domain.

Runs on a domain controller whose Samba is not running yet, in one transaction
on its database. Every user NAME has the password Passw0rd-NAME.
"""

import time

import ldb
from samba import dsdb
from samba.auth import system_session
from samba.dcerpc import security
from samba.param import LoadParm
from samba.samdb import SamDB

NEVER = -0x8000000000000000
LONG_AGO = 132223104000000000  # 2020-01-01 as a Windows time
GROUPS_OF_MANY = 1000

# Lets pwdLastSet be any time, not just zero and now.
WRITE_PWD_LAST_SET = 'local_oid:%s:0' % (
    dsdb.DSDB_CONTROL_BYPASS_PASSWORD_HASH_OID)

# Plain users, with what they have besides a name and a password.
USERS = {
    'alice': {'givenName': 'Alice', 'sn': 'Liddell',
              'displayName': 'Alice Liddell'},
    'bob': {'userPrincipalName': None},  # only the implicit bob@corp.test
    'carol': {'userPrincipalName': 'carol@brand.example'},
    'locked': {},
    'disabled': {},
    'pwexpired': {},
    'mustchange': {'pwdLastSet': '0'},
    'acctexpired': {'accountExpires': str(LONG_AGO)},
    'hours': {'logonHours': b'\0' * 21},  # at no hour of the week
    'wsres': {'userWorkstations': 'OTHERBOX'},
    'wsok': {'userWorkstations': 'WS1'},
    'prot': {},
    'many': {},
    'MixedCase': {},
    'josé': {},
    'twentycharacter-name': {'cn': 'longname'},
    # Namesakes of local accounts, which must never win against those.
    'root': {},
    'daemon': {},
    'games': {},
}

# Groups and their members. All Staff's Alice is two steps away, Everyone
# Nested's three.
GROUPS = {
    'Engineers': ['alice'],
    'All Staff': ['Engineers'],
    'Everyone Nested': ['All Staff'],
    # Namesakes of local groups, the first in other letters.
    'Staff': ['alice'],
    'sudo': ['alice'],
}


class Accounts:
    def __init__(self):
        lp = LoadParm()
        lp.load_default()
        self.lp = lp
        self.db = SamDB(session_info=system_session(), lp=lp)
        self.base = self.db.domain_dn()
        self.domain = lp.get('realm').lower()
        self.dns = {}

    def make(self):
        self.db.transaction_start()
        try:
            self.policy()
            self.users()
            self.states()
            self.groups()
            self.many_groups()
        except BaseException:
            self.db.transaction_cancel()
            raise
        self.db.transaction_commit()

    def replace(self, dn, controls=None, **attributes):
        message = ldb.Message(ldb.Dn(self.db, str(dn)))
        for name, value in attributes.items():
            message[name] = ldb.MessageElement(
                value, ldb.FLAG_MOD_REPLACE, name)
        self.db.modify(message, controls)

    def policy(self):
        """Five bad passwords lock an account until somebody unlocks it: in a
        domain from the cache a lock of 30 minutes would be over."""
        self.replace(self.base,
                     lockoutThreshold='5',
                     lockoutDuration=str(NEVER),
                     lockOutObservationWindow=str(-30 * 60 * 10**7),
                     minPwdAge='0',
                     pwdHistoryLength='0')
        self.replace('CN=Partitions,' + str(self.db.get_config_basedn()),
                     uPNSuffixes='brand.example')

    def users(self):
        for name, extra in USERS.items():
            attributes = {
                'objectClass': 'user',
                'sAMAccountName': name,
                'userPrincipalName': '%s@%s' % (name, self.domain),
                'userAccountControl': str(dsdb.UF_NORMAL_ACCOUNT),
                'unicodePwd':
                    ('"Passw0rd-%s"' % name).encode('utf-16-le'),
            }
            attributes.update(extra)
            cn = attributes.pop('cn', name)
            dn = 'CN=%s,CN=Users,%s' % (cn, self.base)
            self.dns[name] = dn
            attributes['dn'] = dn
            self.db.add({k: v for k, v in attributes.items()
                         if v is not None})

    def states(self):
        self.replace(self.dns['disabled'], userAccountControl=str(
            dsdb.UF_NORMAL_ACCOUNT | dsdb.UF_ACCOUNTDISABLE))
        self.replace(self.dns['pwexpired'], [WRITE_PWD_LAST_SET],
                     pwdLastSet=str(LONG_AGO))
        now = int(time.time() + 11644473600) * 10**7
        self.replace(self.dns['locked'], ['relax:0'],
                     badPwdCount='5', badPasswordTime=str(now),
                     lockoutTime=str(now))
        protected = self.db.search(
            '<SID=%s-%d>' % (self.db.get_domain_sid(),
                             security.DOMAIN_RID_PROTECTED_USERS),
            scope=ldb.SCOPE_BASE, attrs=[])[0].dn
        self.replace(protected, member=self.dns['prot'])

    def group(self, name, members):
        dn = 'CN=%s,CN=Users,%s' % (name, self.base)
        self.db.add({'dn': dn, 'objectClass': 'group', 'sAMAccountName': name,
                     'member': [self.dns[m] for m in members]})
        self.dns[name] = dn

    def groups(self):
        for name, members in GROUPS.items():
            self.group(name, members)

    def many_groups(self):
        for number in range(1, GROUPS_OF_MANY + 1):
            self.group('grp%04d' % number, ['many'])


if __name__ == '__main__':
    Accounts().make()
