/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef __UK_PRIO_H__
#define __UK_PRIO_H__

#define UK_PRIO_EARLIEST 0
#define UK_PRIO_LATEST   9

/* Plain digits, as in Unikraft: priorities end up in names */
#define __UK_PRIO_AFTER_0 1
#define __UK_PRIO_AFTER_1 2
#define __UK_PRIO_AFTER_2 3
#define __UK_PRIO_AFTER_3 4
#define __UK_PRIO_AFTER_4 5
#define __UK_PRIO_AFTER_5 6
#define __UK_PRIO_AFTER_6 7
#define __UK_PRIO_AFTER_7 8
#define __UK_PRIO_AFTER_8 9
#define __UK_PRIO_AFTER(x) __UK_PRIO_AFTER_##x
#define UK_PRIO_AFTER(x) __UK_PRIO_AFTER(x)

#define __UK_PRIO_BEFORE_1 0
#define __UK_PRIO_BEFORE_2 1
#define __UK_PRIO_BEFORE_3 2
#define __UK_PRIO_BEFORE_4 3
#define __UK_PRIO_BEFORE_5 4
#define __UK_PRIO_BEFORE_6 5
#define __UK_PRIO_BEFORE_7 6
#define __UK_PRIO_BEFORE_8 7
#define __UK_PRIO_BEFORE_9 8
#define __UK_PRIO_BEFORE(x) __UK_PRIO_BEFORE_##x
#define UK_PRIO_BEFORE(x) __UK_PRIO_BEFORE(x)

#endif /* __UK_PRIO_H__ */
