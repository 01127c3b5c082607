/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef __UK_LIST_H__
#define __UK_LIST_H__

struct uk_list_head {
	struct uk_list_head *next;
	struct uk_list_head *prev;
};

#endif /* __UK_LIST_H__ */
