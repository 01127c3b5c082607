/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef __UK_EVENT_H__
#define __UK_EVENT_H__

#include <uk/config.h>
#include <uk/essentials.h>
#include <uk/prio.h>

typedef int (*uk_event_handler_t)(void *data);

#define UK_EVENT_NOT_HANDLED	0
#define UK_EVENT_HANDLED	1
#define UK_EVENT_HANDLED_CONT	2

struct twin_event_handler {
	uk_event_handler_t fn;
	int prio;
};

struct uk_event {
	const struct twin_event_handler *start;
	const struct twin_event_handler *stop;
};

/* Defines an event. The bounds of its section are null when nobody listens. */
#define UK_EVENT(name)							\
	extern const struct twin_event_handler				\
	__start_twin_event_##name[] __weak,				\
	__stop_twin_event_##name[] __weak;				\
	struct uk_event uk_event_##name = {				\
		__start_twin_event_##name, __stop_twin_event_##name	\
	}

#define _UK_EVENT_HANDLER_PRIO(event, fn_, prio_)			\
	static const struct twin_event_handler				\
	__used __section("twin_event_" #event) __align8				\
	__twin_event_##event##_##prio_##_##fn_ = {			\
		.fn = (fn_), .prio = (prio_)				\
	}
#define UK_EVENT_HANDLER_PRIO(event, fn, prio) \
	_UK_EVENT_HANDLER_PRIO(event, fn, prio)
#define UK_EVENT_HANDLER(event, fn) \
	UK_EVENT_HANDLER_PRIO(event, fn, UK_PRIO_LATEST)

#define UK_EVENT_PTR(name)	(&uk_event_##name)

/* The first handler that returns an error or UK_EVENT_HANDLED is the last */
int uk_raise_event_ptr(struct uk_event *event, void *data);

#define uk_raise_event(name, data)					\
	({								\
		extern struct uk_event uk_event_##name;			\
		uk_raise_event_ptr(UK_EVENT_PTR(name), data);		\
	})

#endif /* __UK_EVENT_H__ */
