"""The metric families that a release must have, by name.

``test_metrics_reference.py`` holds the tables to it, ``tests/unikraft_real`` booted unikernels.
"""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: What the exporter has without lib-ukmetrics.
EXPORTER = _names("""
    node_scrape_collector_duration_seconds node_scrape_collector_success node_time_seconds
    slim_exporter_build_info
""")

_EVERYWHERE = _names("""
    node_boot_time_seconds
    node_memory_MemAvailable_bytes node_memory_MemFree_bytes node_memory_MemTotal_bytes
    node_netstat_Icmp_InErrors node_netstat_Icmp_InMsgs node_netstat_Icmp_OutMsgs
    node_netstat_Ip_Forwarding
    node_netstat_Tcp_ActiveOpens node_netstat_Tcp_CurrEstab node_netstat_Tcp_InErrs
    node_netstat_Tcp_InSegs node_netstat_Tcp_OutRsts node_netstat_Tcp_OutSegs
    node_netstat_Tcp_PassiveOpens node_netstat_Tcp_RetransSegs
    node_netstat_Udp_InDatagrams node_netstat_Udp_InErrors node_netstat_Udp_NoPorts
    node_netstat_Udp_OutDatagrams
    node_sockstat_TCP_inuse node_sockstat_TCP_tw node_sockstat_UDP_inuse
    node_uname_info
    unikraft_alloc_allocations_total unikraft_alloc_failures_total unikraft_alloc_free_bytes
    unikraft_alloc_frees_total unikraft_alloc_largest_bytes unikraft_alloc_last_bytes
    unikraft_alloc_live unikraft_alloc_live_peak unikraft_alloc_smallest_bytes
    unikraft_alloc_used_bytes unikraft_alloc_used_peak_bytes
    unikraft_build_info
    unikraft_lwip_dropped_total unikraft_lwip_no_memory_total
    unikraft_mutex_locked unikraft_mutex_locks_total unikraft_mutex_trylocks_total
    unikraft_mutex_unlocked unikraft_mutex_unlocks_total
    unikraft_uptime_seconds
""")

_SINCE_0_16 = _names("""
    node_arp_entries
    node_cpu_seconds_total
    node_filefd_allocated node_filefd_maximum
    node_network_carrier node_network_info node_network_mtu_bytes node_network_up
    node_network_receive_bytes_total node_network_receive_errs_total
    node_network_receive_fifo_total node_network_receive_packets_total
    node_network_transmit_bytes_total node_network_transmit_errs_total
    node_network_transmit_fifo_total node_network_transmit_packets_total
    node_procs_blocked node_procs_running
    ukmetrics_dropped_objects_total ukmetrics_unknown_objects
    unikraft_allocator_allocations_total unikraft_allocator_failures_total
    unikraft_allocator_free_bytes unikraft_allocator_frees_total
    unikraft_allocator_largest_free_bytes unikraft_allocator_used_bytes
    unikraft_sched_latency_seconds unikraft_sched_latency_worst_seconds unikraft_sched_threads
""")

#: Those of lib-ukmetrics that are there with the default configuration, by release.
REQUIRED = {
    "0.13.1": _EVERYWHERE,
    "0.16.3": _EVERYWHERE | _SINCE_0_16,
    "0.17.0": _EVERYWHERE | _SINCE_0_16,
}

#: Those that have to be asked for, on releases with objects.
OPTIONAL = _names("""
    node_filesystem_avail_bytes node_filesystem_files node_filesystem_files_free
    node_filesystem_free_bytes node_filesystem_size_bytes
    unikraft_library_allocations_total unikraft_library_failures_total
    unikraft_library_frees_total unikraft_library_used_bytes
""")
