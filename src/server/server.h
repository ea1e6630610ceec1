#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "serve/service.h"

namespace amas::server {

/// The ports that a server listens on.
struct Ports {
  std::uint16_t http = 0;
  std::uint16_t grpc = 0;
};

/// How to serve.
struct ServerOptions {
  std::filesystem::path home;
  std::uint16_t port = 8080;        ///< of HTTP, on 127.0.0.1; 0: any free one
  std::uint16_t grpc_port = 8081;   ///< the same for gRPC
  bool model_control = false;       ///< clients may load and unload models
  std::size_t compute_threads = 0;  ///< 0: one a processor
  log::Level log_level = log::Level::kInfo;
  std::int64_t drain_us = 30'000'000;  ///< what requests in flight have to end in
  /// Called once, when the server answers: with its ports and what became of each deployment. Until then
  /// nothing can be asked.
  std::function<void(const Ports& ports, const std::vector<serve::DeploymentStatus>&)> on_ready;
};

/// Serves the deployments of a home over HTTP and gRPC until SIGTERM or SIGINT, which it takes over while it
/// runs; then requests in flight are answered. Follows changes of the deployments. Writes <home>/serve.json
/// {"pid","port","grpc_port","started"} while it answers, and <home>/logs/serve.log.
///
/// Errors: kFailedPrecondition when another server has this home, or the home was written by a newer amas;
/// kUnavailable
///         when the port is taken; kNotFound when the engine's library is missing; those of Store::open.
/// Threads: one server a process.
Status run_server(const ServerOptions& options);

}  // namespace amas::server
