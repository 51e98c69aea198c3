//! A call: who is it, which step, which application, the gate, the legs, the record
