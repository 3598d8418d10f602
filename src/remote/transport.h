#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/remote/url.h"

namespace weigh::core {

struct Header {
  std::string name;
  std::string value;
};

/// Bytes `begin` to `begin + count - 1`; at least one.
struct ByteRange {
  std::uint64_t begin = 0;
  std::uint64_t count = 0;
};

/// Keys of S3 and its like, by which a request is signed (AWS Signature Version 4).
struct AwsKeys {
  std::string id;
  std::string secret;
  std::string session_token;  ///< may be empty
  std::string region;
};

/// One GET.
struct HttpRequest {
  Url url;
  std::vector<Header> headers;
  std::optional<ByteRange> range;
  std::uint64_t most_bytes = 0;  ///< of the body: it is cut off there
  std::optional<AwsKeys> signing;
};

/// What came back, redirects included: they are followed elsewhere.
struct HttpReply {
  int status = 0;
  std::vector<Header> headers;  ///< names in lower case
  std::string body;
  bool cut = false;  ///< there was more of the body than `most_bytes`, or a range was not served as one

  /// Empty where there is none; of several the last.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// Why a request has no reply.
struct TransportFailure {
  std::string message;     ///< subject first: "cannot be reached: ..."
  bool transient = false;  ///< may go well the next time
  bool timed_out = false;
};

/// What sends requests: libcurl, or what plays a server in tests. Called by several threads at once.
class Transport {
 public:
  virtual ~Transport() = default;
  /// Throws TransportFailure.
  virtual HttpReply perform(const HttpRequest& request) = 0;
};

/// libcurl, loaded when this is called: whoever stays on this machine needs none. Throws IoError where it is not
/// installed.
std::unique_ptr<Transport> curl_transport();

}  // namespace weigh::core
