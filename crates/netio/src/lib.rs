//! Packet sockets, kernel filters, netlink links and addresses, network namespaces; the only unsafe code
