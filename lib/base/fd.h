/* Descriptors. */
#ifndef AUTHSOD_BASE_FD_H
#define AUTHSOD_BASE_FD_H

/*
 * A program that runs with 0, 1 or 2 closed must not find a descriptor of ours
 * there: moves such a one higher, close-on-exec.  Gives fd itself otherwise, -1
 * included; -1 with errno, and fd closed, where it can't be moved.
 */
int fd_above_stdio(int fd);

#endif
