//! Builds and runs what the repository needs: a local control plane, checks of the house's
//! rules, generated files. Tests and the demo use it as a library. It must not know how the
//! scheduler decides, and holds no Kubernetes client: it runs `kubectl` and `helm`.

pub mod bench;
pub mod binaries;
pub mod cargo;
pub mod cluster;
pub mod controlplane;
pub mod crdgen;
pub mod demo;
pub mod examples;
pub mod fuzz;
pub mod installation;
pub mod metrics;
pub mod policygen;
pub mod progress;
pub mod sim;
pub mod test;
pub mod tidy;
pub mod tools;
