//! From resolved configuration and cluster facts to what each node announces, with reasons
