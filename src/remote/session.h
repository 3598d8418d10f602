#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "src/remote/transport.h"

namespace weigh::core {

inline constexpr std::uint64_t kMostDownload = std::uint64_t{256} << 20U;

/// What was asked of servers so far.
struct RemoteProgress {
  std::uint64_t files = 0;
  std::uint64_t requests = 0;
  std::uint64_t bytes = 0;  ///< of bodies
};

/// How remote models may be read.
struct RemoteOptions {
  bool offline = false;                                      ///< nothing is asked: only what the cache has
  std::uint64_t most_bytes = kMostDownload;                  ///< of all bodies together
  std::function<void(const RemoteProgress&)> progress = {};  ///< never called by two threads at once
  std::function<void(const std::string&)> tell = {};         ///< a sentence that is worth knowing, unescaped; likewise
};

/// What is sent to one server only: to its scheme, host and port.
struct Credential {
  Url origin;
  std::vector<Header> headers;
  std::optional<AwsKeys> keys = std::nullopt;
};

/// A GET that follows redirects and tries again.
struct Fetch {
  Url url;
  std::vector<Header> headers = {};  ///< sent wherever it leads: nothing secret
  std::shared_ptr<const Credential> credential = nullptr;
  std::optional<ByteRange> range = std::nullopt;
  std::uint64_t most_bytes = 0;   ///< of the body
  std::string forbidden_by = {};  ///< what says that nothing may be asked: "HF_HUB_OFFLINE"; empty: it may
};

struct Fetched {
  HttpReply reply;
  Url url;                      ///< where it came from in the end
  std::vector<HttpReply> hops;  ///< the redirects on the way
  /// The header of the first answer that has it: a redirect may know more than what it leads to.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// What all remote reading of one command shares: connections, limits, counts. Safe to be used by several threads.
class RemoteSession {
 public:
  /// `transport`: instead of libcurl, which is loaded when the first request is made.
  explicit RemoteSession(RemoteOptions options, std::unique_ptr<Transport> transport = nullptr);

  /// One for the process. A command makes its own before it reads anything; a library's caller gets the usual one.
  static std::shared_ptr<RemoteSession> current();
  static void make_current(std::shared_ptr<RemoteSession> session);

  /// Any answer below 500 but a redirect and 429 is one. Throws IoError for what stays without an answer: no connection,
  /// no trust, time-outs, a server that is overloaded, redirects that do not end or lead out of https, and limits that
  /// are reached.
  Fetched fetch(const Fetch& fetch);

  [[nodiscard]] bool offline() const { return options_.offline; }
  void count_file();
  /// Tells something once.
  void tell(const std::string& sentence);
  [[nodiscard]] RemoteProgress progress() const;

  /// Waits, between tries; tests do not.
  std::function<void(std::chrono::milliseconds)> wait;

 private:
  Fetched follow(const Fetch& fetch);
  HttpReply perform(const HttpRequest& request);
  Transport& transport();

  RemoteOptions options_;
  mutable std::mutex mutex_;
  std::unique_ptr<Transport> transport_;
  RemoteProgress progress_;
  std::vector<std::string> told_;
};

}  // namespace weigh::core
