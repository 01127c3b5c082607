/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A QEMU plugin that counts the guest's instructions into a file that another
 * process maps: all of them, those between two addresses, and all there were
 * when a third address was reached for the first time.
 *
 *	-plugin count.so,counters=PATH,from=0x...,to=0x...,mark=0x...
 *
 * The few declarations of QEMU's plugin interface that it needs stand here,
 * because Debian ships no qemu-plugin.h.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct qemu_plugin_tb;
enum { INLINE_ADD_U64 };
enum { NO_REGISTERS };

int qemu_plugin_version = 1;

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
	void (*cb)(uint64_t id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb,
	int op, void *counter, uint64_t add);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
	void (*cb)(unsigned int vcpu, void *arg), int registers, void *arg);

static struct {
	uint64_t all;
	uint64_t inside;
	uint64_t at_mark;
} *counters;

static uint64_t from, to, mark;

static void reached(unsigned int vcpu, void *arg)
{
	(void)vcpu;
	(void)arg;
	if (!counters->at_mark)
		counters->at_mark = counters->all;
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	uint64_t address = qemu_plugin_tb_vaddr(tb);
	uint64_t length = qemu_plugin_tb_n_insns(tb);

	(void)id;
	if (address == mark)
		qemu_plugin_register_vcpu_tb_exec_cb(tb, reached, NO_REGISTERS,
						     NULL);
	qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64,
						 &counters->all, length);
	if (address >= from && address < to)
		qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64,
							 &counters->inside,
							 length);
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	int fd = -1;

	(void)info;
	for (int i = 0; i < argc; i++) {
		char *value = strchr(argv[i], '=');

		if (!value++)
			return -1;
		if (!strncmp(argv[i], "counters=", 9))
			fd = open(value, O_RDWR);
		else if (!strncmp(argv[i], "from=", 5))
			from = strtoull(value, NULL, 0);
		else if (!strncmp(argv[i], "to=", 3))
			to = strtoull(value, NULL, 0);
		else if (!strncmp(argv[i], "mark=", 5))
			mark = strtoull(value, NULL, 0);
	}
	counters = mmap(NULL, sizeof(*counters), PROT_READ | PROT_WRITE,
			MAP_SHARED, fd, 0);
	if (counters == MAP_FAILED)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
