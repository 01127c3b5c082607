/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdbool.h>
#include <unistd.h>

#include "collectors.h"
#include "log.h"
#include "sysfile.h"
#include "test.h"

static struct buf out;

static const char *scrape(void)
{
	struct expo e;

	buf_reset(&out);
	expo_init(&e, &out);
	collectors_scrape(&e);
	buf_putc(&out, '\0');
	return out.data;
}

static void only(const char *list)
{
	const char *unknown;

	CHECK(collectors_select("all", false, &unknown));
	CHECK(collectors_select(list, true, &unknown));
	CHECK(!collectors_start());
}

static bool has(const char *line)
{
	const char *at = strstr(out.data, line);

	return at && (at == out.data || at[-1] == '\n');
}

/* What the collectors say about the machine in tests/fixtures. */
static void test_golden(void)
{
	static char want[16384];
	FILE *f = fopen("tests/fixtures/metrics.txt", "r");
	char *end;

	CHECK(f);
	want[fread(want, 1, sizeof(want) - 1, f)] = '\0';
	fclose(f);
	only("cpu,filefd,loadavg,meminfo,netdev,process");
	scrape();
	end = strstr(out.data, "# HELP node_scrape_");
	CHECK(end);
	*end = '\0';
	/* Its only figures that depend on the machine. */
	end = strstr(out.data, "# HELP process_cpu_seconds_total");
	CHECK(end);
	if (sysconf(_SC_CLK_TCK) != 100 || sysconf(_SC_PAGESIZE) != 4096)
		*end = *strstr(want, "# HELP process_cpu_seconds_total") = '\0';
	CHECK_STR(out.data, want);
	collectors_stop();
}

/* Directories have no order, so neither have these. */
static void test_netclass(void)
{
	only("netclass");
	scrape();
	CHECK(has("node_network_up{device=\"eth0\"} 1\n"));
	CHECK(has("node_network_up{device=\"lo\"} 0\n"));
	CHECK(has("node_network_up{device=\"wlan0\"} 0\n"));
	CHECK(has("node_network_mtu_bytes{device=\"lo\"} 65536\n"));
	CHECK(has("node_network_speed_bytes{device=\"eth0\"} 125000000\n"));
	CHECK(!has("node_network_speed_bytes{device=\"lo\"}"));
	CHECK(!has("node_network_speed_bytes{device=\"wlan0\"}"));
	collectors_stop();
}

static void test_filesystem(void)
{
#define GONE "{device=\"server:/a \\\"b\\\"\"," \
	"mountpoint=\"/no/such place/\\\\x\",fstype=\"nfs4\"} "
#define ROOT "{device=\"/dev/root\",mountpoint=\"/\",fstype=\"ext4\"} "

	only("filesystem");
	scrape();
	CHECK(has("node_filesystem_size_bytes" ROOT));
	CHECK(has("node_filesystem_avail_bytes" ROOT));
	CHECK(has("node_filesystem_readonly" ROOT "0\n"));
	CHECK(has("node_filesystem_device_error" ROOT "0\n"));
	/* Mounted over, and gone: what is not known is left out. */
	CHECK(!strstr(out.data, "xfs"));
	CHECK(!has("node_filesystem_size_bytes" GONE));
	CHECK(has("node_filesystem_readonly" GONE "1\n"));
	CHECK(has("node_filesystem_device_error" GONE "1\n"));
	CHECK(!strstr(out.data, "cgroup"));
	CHECK(!strstr(out.data, "/dev/shm"));
	CHECK(has("node_scrape_collector_success{collector=\"filesystem\"} 1"));
	collectors_stop();
	/* It can be started again. */
	CHECK(!collectors_start());
	scrape();
	CHECK(has("node_filesystem_device_error" ROOT "0\n"));
	collectors_stop();
}

static void test_rest(void)
{
	only("time,uname");
	scrape();
	CHECK(has("node_time_seconds 1") || has("node_time_seconds 2"));
	CHECK(has("node_uname_info{sysname=\"Linux\",release=\""));
	CHECK(has("node_scrape_collector_duration_seconds{collector=\"time\"}"));
	CHECK(has("slim_exporter_build_info{version=\""));
	CHECK(!strstr(out.data, "loadavg"));
	collectors_stop();
}

static void test_failure(void)
{
	sysfile_set_procfs("tests/fixtures/sys");
	log_set_level(LOG_ERROR);
	only("loadavg,meminfo,time");
	scrape();
	CHECK(!strstr(out.data, "node_load1"));
	CHECK(!strstr(out.data, "node_memory"));
	CHECK(has("node_scrape_collector_success{collector=\"loadavg\"} 0\n"));
	CHECK(has("node_scrape_collector_success{collector=\"time\"} 1\n"));
	collectors_stop();
	sysfile_set_procfs("tests/fixtures/proc");
}

static void test_memory_is_kept(void)
{
	const char *data;

	only("all");
	for (int i = 0; i < 3; i++)
		scrape();
	data = out.data;
	for (int i = 0; i < 50; i++)
		scrape();
	CHECK(out.data == data);
	collectors_stop();
}

static void test_select(void)
{
	const char *unknown = NULL;

	CHECK(!collectors_select("cpu,gpu,time", true, &unknown));
	CHECK_STR(unknown, "gpu,time");
	CHECK(!collectors_select("", true, &unknown));
	CHECK(!collectors_select("cp", true, &unknown));
	CHECK(collectors_select("cpu,time", true, &unknown));
	CHECK_STR(collectors_name(0), "time");
}

int main(void)
{
	sysfile_set_procfs("tests/fixtures/proc");
	sysfile_set_sysfs("tests/fixtures/sys");
	test_golden();
	test_netclass();
	test_filesystem();
	test_rest();
	test_failure();
	test_memory_is_kept();
	test_select();
	buf_free(&out);
	return 0;
}
