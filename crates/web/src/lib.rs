//! Portal, REST and metrics; acts only through pbx::control
