#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weigh::core {

/// An address of a web server. Only plain ones exist here: what two readers may understand differently (a user before
/// the host, a backslash, a blank, a control character) is refused, so that the host that is checked is the host that is
/// asked.
struct Url {
  std::string scheme;  ///< "http" or "https"
  std::string host;    ///< in lower case; "[::1]" with its brackets
  std::uint16_t port = 0;
  std::string path;   ///< escaped, begins with '/'
  std::string query;  ///< without '?'; may be empty

  /// "https://host/path?query"; the port where it is not the scheme's own.
  [[nodiscard]] std::string text() const;
  /// "host", "host:8080".
  [[nodiscard]] std::string host_and_port() const;
  /// Scheme, host and port are the same: what was meant for one may be sent to the other.
  [[nodiscard]] bool same_origin(const Url& other) const;

  friend bool operator==(const Url&, const Url&) = default;
};

/// Nothing for anything but a plain http or https address. A fragment is cut off.
std::optional<Url> parse_url(std::string_view text);

/// Where a Location or Link leads from `base` (RFC 3986, 5.2); nothing where that is no plain address.
std::optional<Url> resolve_url(const Url& base, std::string_view location);

/// Every byte but letters, digits, "-._~" and those of `kept` as %XX.
std::string percent_encoded(std::string_view text, std::string_view kept = {});

/// Nothing where a '%' is not followed by two digits.
std::optional<std::string> percent_decoded(std::string_view text);

/// Whether a host is this machine by its name: 127.0.0.1, [::1], localhost.
bool is_loopback(std::string_view host);

}  // namespace weigh::core
