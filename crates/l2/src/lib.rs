//! Who answers for which address on which interface; bursts and refresh
