/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * uknetdev's objects: one a network interface that the host has when the twin
 * starts, in the order of /proc/net/dev. An interface that has gone gives an
 * error, so that its figures are left out.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <uk/config.h>
#include <uk/errptr.h>
#include <uk/init.h>
#include <uk/mutex.h>
#include <uk/netdev.h>
#include <uk/netdev_store.h>
#include <uk/print.h>
#include <uk/sched.h>
#include <uk/store.h>

#define DEVICES_MAX	64
#define NAME_LEN	32
/* One scrape asks for eight figures a device: it reads the file once */
#define MAX_AGE_NS	5000000
#define WORKER_SLEEP_NS	250000000

struct uk_netdev {
	char name[NAME_LEN];
	bool present;
	bool running, has_address;
	__u16 mtu;
	struct uk_hwaddr address;
	uint64_t rx_bytes, rx_packets, rx_errors, rx_fifo;
	uint64_t tx_bytes, tx_packets, tx_errors, tx_fifo;
};

static struct uk_netdev devices[DEVICES_MAX];
static size_t nr_devices;
static struct timespec read_at;
static struct uk_mutex lock;

static struct uk_netdev *device_by_name(const char *name, bool add)
{
	struct uk_netdev *dev;
	size_t i;

	for (i = 0; i < nr_devices; i++)
		if (!strcmp(devices[i].name, name))
			return &devices[i];

	if (!add || nr_devices == DEVICES_MAX)
		return NULL;
	dev = &devices[nr_devices++];
	strcpy(dev->name, name);
	return dev;
}

/* With the lock held */
static int refresh(bool add)
{
	char line[512], name[NAME_LEN];
	struct uk_netdev d = { .present = true };
	struct uk_netdev *dev;
	size_t i;
	FILE *f;

	f = fopen("/proc/net/dev", "re");
	if (!f)
		return -errno;

	for (i = 0; i < nr_devices; i++)
		devices[i].present = false;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line,
			   " %31[^:]: %" SCNu64 " %" SCNu64 " %" SCNu64
			   " %*u %" SCNu64 " %*u %*u %*u"
			   " %" SCNu64 " %" SCNu64 " %" SCNu64
			   " %*u %" SCNu64, name,
			   &d.rx_bytes, &d.rx_packets, &d.rx_errors, &d.rx_fifo,
			   &d.tx_bytes, &d.tx_packets, &d.tx_errors,
			   &d.tx_fifo) != 9)
			continue;
		dev = device_by_name(name, add);
		if (dev) {
			memcpy(d.name, dev->name, sizeof(d.name));
			d.running = dev->running;
			d.has_address = dev->has_address;
			d.mtu = dev->mtu;
			d.address = dev->address;
			*dev = d;
		}
	}
	fclose(f);

	clock_gettime(CLOCK_MONOTONIC, &read_at);
	return 0;
}

/* A line of a file of the device's folder in /sys */
static bool read_line(const struct uk_netdev *dev, const char *file, char *line,
		      size_t size)
{
	char path[sizeof("/sys/class/net//operstate") + NAME_LEN];
	bool ok;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/net/%.31s/%s", dev->name,
		 file);
	f = fopen(path, "re");
	if (!f)
		return false;
	ok = fgets(line, (int)size, f);
	fclose(f);
	return ok;
}

/* What a device is changes seldom: it is read at the start and by the worker */
static void describe(struct uk_netdev *dev)
{
	__u8 *b = dev->address.addr_bytes;
	unsigned int mtu;
	char line[32];

	/* The loop interface is running and says "unknown" */
	dev->running = read_line(dev, "operstate", line, sizeof(line)) &&
		       strcmp(line, "down\n");
	if (read_line(dev, "mtu", line, sizeof(line)) &&
	    sscanf(line, "%u", &mtu) == 1)
		dev->mtu = MIN(mtu, 0xffffU);
	dev->has_address = read_line(dev, "address", line, sizeof(line)) &&
			   sscanf(line, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx",
				  &b[0], &b[1], &b[2], &b[3], &b[4],
				  &b[5]) == 6;
}

static void describe_all(void)
{
	size_t i;

	for (i = 0; i < nr_devices; i++)
		describe(&devices[i]);
}

unsigned int uk_netdev_count(void)
{
	return nr_devices;
}

struct uk_netdev *uk_netdev_get(unsigned int id)
{
	return id < nr_devices ? &devices[id] : NULL;
}

__u16 uk_netdev_id_get(struct uk_netdev *dev)
{
	return dev - devices;
}

enum uk_netdev_state uk_netdev_state_get(struct uk_netdev *dev)
{
	return dev->running ? UK_NETDEV_RUNNING : UK_NETDEV_CONFIGURED;
}

__u16 uk_netdev_mtu_get(struct uk_netdev *dev)
{
	return dev->mtu;
}

const struct uk_hwaddr *uk_netdev_hwaddr_get(struct uk_netdev *dev)
{
	return dev->has_address ? &dev->address : NULL;
}

#if CONFIG_LIBUKNETDEV_STATS
static __s64 age_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__s64)(now.tv_sec - read_at.tv_sec) * 1000000000 +
	       (now.tv_nsec - read_at.tv_nsec);
}

#define GETTER(field)							\
	static int get_##field(void *cookie, __u64 *out)		\
	{								\
		const struct uk_netdev *dev = cookie;			\
		int rc = 0;						\
									\
		uk_mutex_lock(&lock);					\
		if (age_ns() > MAX_AGE_NS)				\
			rc = refresh(false);				\
		if (!rc && !dev->present)				\
			rc = -ENODEV;					\
		*out = dev->field;					\
		uk_mutex_unlock(&lock);					\
		return rc;						\
	}
GETTER(tx_bytes)
GETTER(tx_packets)
GETTER(tx_errors)
GETTER(tx_fifo)
GETTER(rx_bytes)
GETTER(rx_packets)
GETTER(rx_errors)
GETTER(rx_fifo)

/* With quotes, so that the names carry quotes, as Unikraft's do */
#define ENTRY(id, field) UK_STORE_ENTRY(id, #field, u64, get_##field, NULL)

/* Keeps the lock in use while nobody scrapes */
static void __noreturn worker(void *arg __unused)
{
	for (;;) {
		uk_sched_thread_sleep(WORKER_SLEEP_NS);
		if (!uk_mutex_trylock(&lock))
			continue;
		refresh(false);
		describe_all();
		uk_mutex_unlock(&lock);
	}
}

static int add_objects(void)
{
	const struct uk_store_entry *entries[] = {
		ENTRY(UK_NETDEV_STATS_TX_BYTES, tx_bytes),
		ENTRY(UK_NETDEV_STATS_TX_PACKETS, tx_packets),
		ENTRY(UK_NETDEV_STATS_TX_ERRORS, tx_errors),
		ENTRY(UK_NETDEV_STATS_TX_FIFO, tx_fifo),
		ENTRY(UK_NETDEV_STATS_RX_BYTES, rx_bytes),
		ENTRY(UK_NETDEV_STATS_RX_PACKETS, rx_packets),
		ENTRY(UK_NETDEV_STATS_RX_ERRORS, rx_errors),
		ENTRY(UK_NETDEV_STATS_RX_FIFO, rx_fifo),
		NULL
	};
	struct uk_store_object *obj;
	char name[sizeof("netdev") + 20];
	size_t i;

	for (i = 0; i < nr_devices; i++) {
		snprintf(name, sizeof(name), "netdev%zu", i);
		uk_pr_info("%s is %s of the host\n", name, devices[i].name);
		obj = uk_store_obj_alloc(uk_alloc_get_default(), i, name,
					 entries, &devices[i]);
		if (PTRISERR(obj))
			return -ENOMEM;
		uk_store_obj_add(obj);
	}

	if (!uk_sched_thread_create(uk_sched_current(), worker, NULL,
				    "twin-netdev"))
		return -ENOMEM;
	return 0;
}
#else
static int add_objects(void)
{
	return 0;
}
#endif /* CONFIG_LIBUKNETDEV_STATS */

static int netdev_init(struct uk_init_ctx *ctx __unused)
{
	int rc;

	uk_mutex_init(&lock);
	uk_mutex_lock(&lock);
	rc = refresh(true);
	describe_all();
	uk_mutex_unlock(&lock);
	if (rc) {
		uk_pr_warn("/proc/net/dev cannot be read: no network devices\n");
		return 0;
	}

	return add_objects();
}
/* Level lib, as lwip brings up its devices there, and before lwip.c asks */
uk_lib_initcall_prio(netdev_init, 0x0, 8);
