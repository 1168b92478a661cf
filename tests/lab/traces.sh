# What is to be as it was when a lab has ended.
# shellcheck shell=bash

# traces: prints what a lab could leave on the machine, apart from its cache.
traces() {
  find /etc /var/lib -xdev -printf '%p %M %u %s %T@\n' 2>/dev/null | sort
  find /run /mnt /media -xdev -printf '%p %M %u\n' 2>/dev/null | sort
  cat /proc/self/mountinfo
  ip -o link
}
