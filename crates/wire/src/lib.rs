//! Byte reader and writer with offsets; Ethernet, ARP and NDP frames
