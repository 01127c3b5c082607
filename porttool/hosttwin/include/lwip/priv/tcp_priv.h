/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LWIP_HDR_TCP_PRIV_H
#define LWIP_HDR_TCP_PRIV_H

#include <lwip/opt.h>

enum tcp_state {
	CLOSED,
	LISTEN,
	SYN_SENT,
	SYN_RCVD,
	ESTABLISHED,
	FIN_WAIT_1,
	FIN_WAIT_2,
	CLOSE_WAIT,
	CLOSING,
	LAST_ACK,
	TIME_WAIT
};

struct tcp_pcb {
	struct tcp_pcb *next;
	enum tcp_state state;
};

struct tcp_pcb_listen {
	struct tcp_pcb_listen *next;
};

union tcp_listen_pcbs_t {
	struct tcp_pcb_listen *listen_pcbs;
};

extern struct tcp_pcb *tcp_active_pcbs;
extern struct tcp_pcb *tcp_tw_pcbs;
extern union tcp_listen_pcbs_t tcp_listen_pcbs;

#endif /* LWIP_HDR_TCP_PRIV_H */
