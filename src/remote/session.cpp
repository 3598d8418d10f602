#include "src/remote/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <thread>
#include <utility>

#include "formats/error.h"
#include "formats/text.h"

namespace weigh::core {

namespace {

using std::chrono::milliseconds;

constexpr int kMostRedirects = 10;
constexpr std::array kWaits{milliseconds(500), milliseconds(1000), milliseconds(2000), milliseconds(4000)};
constexpr std::uint64_t kLongestWaitSeconds = 60;

// A name's value: what was added last counts.
std::string_view find_header(const std::vector<Header>& headers, std::string_view name) {
  const auto found = std::find_if(headers.rbegin(), headers.rend(), [&](const Header& h) { return h.name == name; });
  return found == headers.rend() ? std::string_view() : std::string_view(found->value);
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool is_overload(int status) { return status == 408 || status == 429 || status >= 500; }

// When a server wants to be asked again: `RateLimit: "api";r=0;t=17`, else `Retry-After: 17`.
std::optional<std::uint64_t> seconds_to_wait(const HttpReply& reply) {
  const std::string_view limit = reply.header("ratelimit");
  if (limit.find(";r=0") != std::string_view::npos) {
    if (const auto at = limit.find(";t="); at != std::string_view::npos) {
      const std::string_view digits = limit.substr(at + 3);
      if (const auto seconds = parse_uint(digits.substr(0, digits.find_first_not_of("0123456789")))) {
        return *seconds < UINT64_MAX ? *seconds + 1 : *seconds;
      }
    }
  }
  return parse_uint(reply.header("retry-after"));
}

std::string too_much(std::uint64_t most) {
  return fmt::format("more than {} MiB would have to be downloaded: --max-download allows more", most >> 20U);
}

std::shared_ptr<RemoteSession>& current_session() {
  static std::shared_ptr<RemoteSession> session;
  return session;
}

std::mutex& current_mutex() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace

std::string_view HttpReply::header(std::string_view name) const { return find_header(headers, name); }

std::string_view Fetched::header(std::string_view name) const {
  for (const HttpReply& hop : hops) {
    if (const auto value = hop.header(name); !value.empty()) return value;
  }
  return reply.header(name);
}

RemoteSession::RemoteSession(RemoteOptions options, std::unique_ptr<Transport> transport)
    : wait([](milliseconds time) { std::this_thread::sleep_for(time); }),
      options_(std::move(options)),
      transport_(std::move(transport)) {}

std::shared_ptr<RemoteSession> RemoteSession::current() {
  const std::lock_guard lock(current_mutex());
  // Of a library's caller nobody knows where one task ends: each file has its limit, all together have none.
  if (!current_session()) current_session() = std::make_shared<RemoteSession>(RemoteOptions{.most_bytes = UINT64_MAX});
  return current_session();
}

void RemoteSession::make_current(std::shared_ptr<RemoteSession> session) {
  const std::lock_guard lock(current_mutex());
  current_session() = std::move(session);
}

Transport& RemoteSession::transport() {
  const std::lock_guard lock(mutex_);
  if (!transport_) transport_ = curl_transport();
  return *transport_;
}

RemoteProgress RemoteSession::progress() const {
  const std::lock_guard lock(mutex_);
  return progress_;
}

void RemoteSession::count_file() {
  const std::lock_guard lock(mutex_);
  ++progress_.files;
  if (options_.progress) options_.progress(progress_);
}

void RemoteSession::tell(const std::string& sentence) {
  const std::lock_guard lock(mutex_);
  if (std::ranges::find(told_, sentence) != told_.end()) return;
  told_.push_back(sentence);
  if (options_.tell) options_.tell(sentence);
}

HttpReply RemoteSession::perform(const HttpRequest& request) {
  HttpRequest limited = request;
  {
    const std::lock_guard lock(mutex_);
    const std::uint64_t left = options_.most_bytes - std::min(options_.most_bytes, progress_.bytes);
    if (left == 0 || (request.range && request.range->count > left)) throw IoError(too_much(options_.most_bytes));
    limited.most_bytes = std::min(request.most_bytes, left);
    ++progress_.requests;
  }
  HttpReply reply = transport().perform(limited);
  const std::lock_guard lock(mutex_);
  progress_.bytes += reply.body.size();
  if (options_.progress) options_.progress(progress_);
  if (reply.cut && limited.most_bytes < request.most_bytes) throw IoError(too_much(options_.most_bytes));
  return reply;
}

Fetched RemoteSession::follow(const Fetch& fetch) {
  Fetched fetched;
  fetched.url = fetch.url;
  for (int count = 0; count <= kMostRedirects; ++count) {
    HttpRequest request{fetched.url, fetch.headers, fetch.range, fetch.most_bytes, std::nullopt};
    if (fetch.credential && fetch.credential->origin.same_origin(fetched.url)) {
      request.headers.insert(request.headers.end(), fetch.credential->headers.begin(), fetch.credential->headers.end());
      request.signing = fetch.credential->keys;
    }
    HttpReply reply = perform(request);
    if (!is_redirect(reply.status)) {
      fetched.reply = std::move(reply);
      return fetched;
    }
    const auto next = resolve_url(fetched.url, reply.header("location"));
    const std::string host = fetched.url.host_and_port();
    if (!next) throw IoError(fmt::format("{} redirects to what is no plain web address", host));
    if (fetched.url.scheme == "https" && next->scheme != "https") {
      throw IoError(fmt::format("{} redirects from https to http, which is not followed", host));
    }
    fetched.url = *next;
    reply.body.clear();
    fetched.hops.push_back(std::move(reply));
  }
  throw IoError(fmt::format("{} redirects more than {} times", fetch.url.host_and_port(), kMostRedirects));
}

Fetched RemoteSession::fetch(const Fetch& fetch) {
  const std::string forbidden_by = options_.offline ? "--offline" : fetch.forbidden_by;
  if (!forbidden_by.empty()) {
    throw IoError(fmt::format("is not in the cache of headers, and {} forbids to ask for it", forbidden_by));
  }
  std::string why;
  bool timed_out = false;
  for (std::size_t tried = 0;; ++tried) {
    std::optional<std::uint64_t> asked_seconds;
    try {
      Fetched fetched = follow(fetch);
      if (!is_overload(fetched.reply.status)) return fetched;
      asked_seconds = seconds_to_wait(fetched.reply);
      const std::string host = fetched.url.host_and_port();
      if (fetched.reply.status == 429) {
        why = asked_seconds
                  ? fmt::format("the rate limit of {} is reached: it can be asked again in {} s", host, *asked_seconds)
                  : fmt::format("the rate limit of {} is reached (429)", host);
        if (asked_seconds.value_or(0) > kLongestWaitSeconds) throw IoError(why);
      } else {
        why = fmt::format("{} answers {} again and again", host, fetched.reply.status);
      }
    } catch (const TransportFailure& failure) {
      why = failure.message;
      // Whoever waited that long once does not want to wait five times.
      if (!failure.transient || (failure.timed_out && timed_out)) throw IoError(why);
      timed_out = timed_out || failure.timed_out;
    }
    if (tried == kWaits.size()) throw IoError(why);
    const milliseconds usual = kWaits[tried];
    wait(asked_seconds ? std::max(usual, milliseconds(1000 * std::min(*asked_seconds, kLongestWaitSeconds))) : usual);
  }
}

}  // namespace weigh::core
