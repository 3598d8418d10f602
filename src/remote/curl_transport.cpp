#include <curl/curl.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mutex>

#include "formats/error.h"
#include "formats/text.h"
#include "src/remote/transport.h"
#include "src/source/environment.h"

namespace weigh::core {

namespace {

constexpr std::size_t kMostHeaderBytes = std::size_t{128} << 10U;
constexpr long kConnectSeconds = 10;
constexpr long kRequestSeconds = 120;
constexpr long kLeastBytesPerSecond = 512;

struct Curl {
  decltype(&curl_global_init) global_init;
  decltype(&curl_easy_init) init;
  decltype(&curl_easy_reset) reset;
  decltype(&curl_easy_setopt) set;
  decltype(&curl_easy_getinfo) get;
  decltype(&curl_easy_perform) perform;
  decltype(&curl_easy_cleanup) cleanup;
  decltype(&curl_easy_strerror) strerror;
  decltype(&curl_slist_append) append;
  decltype(&curl_slist_free_all) free_list;
};

template <typename Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

const Curl& load_curl() {
  static const Curl curl = [] {
    Curl found{};
    for (const char* name : {"libcurl.so.4", "libcurl-gnutls.so.4", "libcurl.so", "libcurl.4.dylib"}) {
      void* library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
      if (library != nullptr && find(library, "curl_global_init", found.global_init) &&
          find(library, "curl_easy_init", found.init) && find(library, "curl_easy_reset", found.reset) &&
          find(library, "curl_easy_setopt", found.set) && find(library, "curl_easy_getinfo", found.get) &&
          find(library, "curl_easy_perform", found.perform) && find(library, "curl_easy_cleanup", found.cleanup) &&
          find(library, "curl_easy_strerror", found.strerror) && find(library, "curl_slist_append", found.append) &&
          find(library, "curl_slist_free_all", found.free_list)) {
        found.global_init(CURL_GLOBAL_DEFAULT);
        return found;
      }
    }
    throw IoError(
        "is remote, and libcurl, which reads such models, is not installed here (Debian: apt install libcurl4)");
  }();
  return curl;
}

// One request on its way: what libcurl hands over piece by piece.
struct Exchange {
  const HttpRequest& request;
  HttpReply reply;
  std::size_t header_bytes = 0;
  bool header_too_long = false;
};

std::size_t take_header(const char* data, std::size_t size, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::size_t bytes = size * count;
  exchange.header_bytes += bytes;
  if (exchange.header_bytes > kMostHeaderBytes) {
    exchange.header_too_long = true;
    return 0;
  }
  std::string_view line(data, bytes);
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) {  // of an answer before the last: "100 Continue"
    exchange.reply.headers.clear();
    return bytes;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return bytes;
  std::string_view value = line.substr(colon + 1);
  value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
  exchange.reply.headers.push_back({lower(line.substr(0, colon)), std::string(value)});
  return bytes;
}

struct Handle {
  const Curl& curl;
  CURL* easy;
};

std::size_t take_body(const char* data, std::size_t size, std::size_t count, void* user) {
  auto& [exchange, handle] = *static_cast<std::pair<Exchange&, Handle&>*>(user);
  const std::size_t bytes = size * count;
  HttpReply& reply = exchange.reply;
  if (exchange.request.range && exchange.request.range->begin > 0) {
    long status = 0;
    handle.curl.get(handle.easy, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200) {  // the file from its beginning, of which nothing is wanted
      reply.cut = true;
      return 0;
    }
  }
  const auto room = static_cast<std::size_t>(exchange.request.most_bytes - reply.body.size());
  reply.body.append(data, std::min(bytes, room));
  if (bytes <= room) return bytes;
  reply.cut = true;
  return 0;
}

bool may_pass(CURLcode code) {
  constexpr std::array kTransient{CURLE_COULDNT_CONNECT, CURLE_OPERATION_TIMEDOUT, CURLE_PARTIAL_FILE,
                                  CURLE_GOT_NOTHING,     CURLE_SEND_ERROR,         CURLE_RECV_ERROR,
                                  CURLE_HTTP2,           CURLE_HTTP2_STREAM};
  return std::ranges::find(kTransient, code) != kTransient.end();
}

std::string in_words(const Curl& curl, CURLcode code, const char* detail, const std::string& host) {
  const std::string why = *detail == '\0' ? curl.strerror(code) : detail;
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return fmt::format("no host {} is known: is there a connection to the network?", host);
    case CURLE_COULDNT_RESOLVE_PROXY: return fmt::format("the proxy's host is not known: {}", why);
    case CURLE_COULDNT_CONNECT: return fmt::format("{} cannot be reached: {}", host, why);
    case CURLE_OPERATION_TIMEDOUT: return fmt::format("{} takes too long: {}", host, why);
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR: return fmt::format("{} broke off in the middle of its answer", host);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR: return fmt::format("the TLS connection to {} is not to be trusted: {}", host, why);
    default: return fmt::format("{} cannot be asked: {}", host, why);
  }
}

// Handles keep their connections, so each is used again by whoever comes next.
class CurlTransport : public Transport {
 public:
  explicit CurlTransport(const Curl& curl) : curl_(curl) {
    for (const char* name : {"CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"}) {
      if (authorities_.empty()) authorities_ = variable(name).value_or("");
    }
    authorities_folder_ = variable("SSL_CERT_DIR").value_or("");
    if (const auto seconds = parse_uint(variable("HF_HUB_DOWNLOAD_TIMEOUT").value_or(""))) {
      slow_seconds_ = static_cast<long>(std::clamp<std::uint64_t>(*seconds, 1, kRequestSeconds));
    }
  }
  ~CurlTransport() override {
    for (CURL* handle : idle_) curl_.cleanup(handle);
  }
  CurlTransport(const CurlTransport&) = delete;
  CurlTransport& operator=(const CurlTransport&) = delete;

  HttpReply perform(const HttpRequest& request) override {
    CURL* easy = take_handle();
    Exchange exchange{request, {}};
    Handle handle{curl_, easy};
    std::pair<Exchange&, Handle&> body_target{exchange, handle};
    std::array<char, CURL_ERROR_SIZE> detail{};
    const std::string url = request.url.text();
    curl_slist* headers = nullptr;
    for (const Header& header : request.headers) {
      headers = curl_.append(headers, fmt::format("{}: {}", header.name, header.value).c_str());
    }
    std::string range;
    if (request.range) {
      range = fmt::format("{}-{}", request.range->begin, request.range->begin + request.range->count - 1);
      curl_.set(easy, CURLOPT_RANGE, range.c_str());
    }
    std::string keys;
    std::string provider;
    if (request.signing) {
      keys = fmt::format("{}:{}", request.signing->id, request.signing->secret);
      provider = fmt::format("aws:amz:{}:s3", request.signing->region);
      curl_.set(easy, CURLOPT_AWS_SIGV4, provider.c_str());
      curl_.set(easy, CURLOPT_USERPWD, keys.c_str());
    }
    curl_.set(easy, CURLOPT_URL, url.c_str());
    curl_.set(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_.set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_.set(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_.set(easy, CURLOPT_HTTPHEADER, headers);
    curl_.set(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_.set(easy, CURLOPT_HEADERDATA, &exchange);
    curl_.set(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_.set(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_.set(easy, CURLOPT_WRITEDATA, &body_target);
    curl_.set(easy, CURLOPT_ERRORBUFFER, detail.data());
    curl_.set(easy, CURLOPT_NOSIGNAL, 1L);
    curl_.set(easy, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    curl_.set(easy, CURLOPT_TIMEOUT, kRequestSeconds);
    curl_.set(easy, CURLOPT_LOW_SPEED_LIMIT, kLeastBytesPerSecond);
    curl_.set(easy, CURLOPT_LOW_SPEED_TIME, slow_seconds_);
    if (!authorities_.empty()) curl_.set(easy, CURLOPT_CAINFO, authorities_.c_str());
    if (!authorities_folder_.empty()) curl_.set(easy, CURLOPT_CAPATH, authorities_folder_.c_str());
    const CURLcode code = curl_.perform(easy);
    long status = 0;
    curl_.get(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_.free_list(headers);
    give_handle(easy);
    exchange.reply.status = static_cast<int>(status);
    const std::string host = request.url.host_and_port();
    if (exchange.header_too_long)
      throw TransportFailure{fmt::format("{} answers with more than 128 KiB of headers", host)};
    if (code != CURLE_OK && !(code == CURLE_WRITE_ERROR && exchange.reply.cut)) {
      throw TransportFailure{in_words(curl_, code, detail.data(), host), may_pass(code),
                             code == CURLE_OPERATION_TIMEDOUT};
    }
    return std::move(exchange.reply);
  }

 private:
  CURL* take_handle() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        CURL* handle = idle_.back();
        idle_.pop_back();
        return handle;
      }
    }
    CURL* handle = curl_.init();
    if (handle == nullptr) throw std::bad_alloc();
    return handle;
  }

  void give_handle(CURL* handle) {
    curl_.reset(handle);  // options go, connections stay
    const std::lock_guard lock(mutex_);
    idle_.push_back(handle);
  }

  const Curl& curl_;
  std::string authorities_;
  std::string authorities_folder_;
  long slow_seconds_ = 10;
  std::mutex mutex_;
  std::vector<CURL*> idle_;
};

}  // namespace

std::unique_ptr<Transport> curl_transport() { return std::make_unique<CurlTransport>(load_curl()); }

}  // namespace weigh::core
