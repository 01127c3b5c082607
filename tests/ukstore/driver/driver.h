/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef __DRIVER_H__
#define __DRIVER_H__

/**
 * Makes the calls argv[1]..., each a text of words, and prints what each gave
 * on a line of its own.
 *
 * @return 0; 2 for a call that it does not know
 */
int vectors(int argc, char *argv[]);

#endif /* __DRIVER_H__ */
