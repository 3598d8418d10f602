#include "src/remote/url.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "formats/text.h"

namespace weigh::core {

namespace {

constexpr std::size_t kLongest = std::size_t{16} * 1024;  // signed addresses have some 1,500 bytes
constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kDigits = "0123456789";

bool is_among(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

std::uint16_t port_of(std::string_view scheme) { return scheme == "https" ? 443 : 80; }

bool is_plain(std::string_view text) {
  return text.size() <= kLongest &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f && !is_among(c, "\\\"<>^`{|}"); });
}

bool is_host(std::string_view host) {
  if (host.starts_with('[')) {
    return host.ends_with(']') && host.size() > 2 &&
           host.substr(1, host.size() - 2).find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
  }
  return !host.empty() && !host.starts_with('.') && std::ranges::all_of(host, [](char c) {
    return is_among(c, kLetters) || is_among(c, kDigits) || is_among(c, "-._");
  });
}

// "/a/./b/../c" -> "/a/c" (RFC 3986, 5.2.4).
std::string without_dots(std::string_view path) {
  std::vector<std::string_view> parts;
  bool ends_open = false;
  for (std::size_t begin = 1; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    ends_open = part == "." || part == "..";
    if (part == ".." && !parts.empty()) parts.pop_back();
    if (!ends_open) parts.push_back(part);
    begin = end + 1;
  }
  std::string result;
  for (const std::string_view part : parts) result.append("/").append(part);
  if (ends_open || result.empty()) result += '/';
  return result;
}

}  // namespace

std::string Url::host_and_port() const { return port == port_of(scheme) ? host : fmt::format("{}:{}", host, port); }

std::string Url::text() const {
  return fmt::format("{}://{}{}{}{}", scheme, host_and_port(), path, query.empty() ? "" : "?", query);
}

bool Url::same_origin(const Url& other) const {
  return scheme == other.scheme && host == other.host && port == other.port;
}

std::optional<Url> parse_url(std::string_view text) {
  if (!is_plain(text)) return std::nullopt;
  text = text.substr(0, text.find('#'));
  const auto colon = text.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  Url url;
  url.scheme = lower(text.substr(0, colon));
  if (url.scheme != "http" && url.scheme != "https") return std::nullopt;
  text.remove_prefix(colon + 3);
  const std::size_t end = std::min(text.find_first_of("/?"), text.size());
  std::string_view host = text.substr(0, end);
  std::string_view rest = text.substr(end);
  url.port = port_of(url.scheme);
  if (const auto at = host.rfind(':'); at != std::string_view::npos && host.find(']', at) == std::string_view::npos) {
    const auto port = parse_uint(host.substr(at + 1));
    if (!port || *port == 0 || *port > 0xFFFF) return std::nullopt;
    url.port = static_cast<std::uint16_t>(*port);
    host = host.substr(0, at);
  }
  if (!is_host(host)) return std::nullopt;
  url.host = lower(host);
  const std::size_t mark = std::min(rest.find('?'), rest.size());
  url.path = rest.substr(0, mark);
  if (url.path.empty()) url.path = "/";
  url.query = rest.substr(std::min(mark + 1, rest.size()));
  return url;
}

std::optional<Url> resolve_url(const Url& base, std::string_view location) {
  if (location.empty() || !is_plain(location)) return std::nullopt;
  const std::size_t scheme_end = location.find_first_not_of(std::string(kLetters) + std::string(kDigits) + "+-.");
  if (scheme_end != std::string_view::npos && scheme_end > 0 && location[scheme_end] == ':') return parse_url(location);
  if (location.starts_with("//")) return parse_url(fmt::format("{}:{}", base.scheme, location));
  location = location.substr(0, location.find('#'));
  Url url = base;
  const std::size_t mark = std::min(location.find('?'), location.size());
  const std::string_view path = location.substr(0, mark);
  url.query = location.substr(std::min(mark + 1, location.size()));
  if (path.starts_with('/')) {
    url.path = without_dots(path);
  } else if (!path.empty()) {
    url.path = without_dots(fmt::format("{}{}", base.path.substr(0, base.path.rfind('/') + 1), path));
  }
  return url;
}

std::string percent_encoded(std::string_view text, std::string_view kept) {
  std::string encoded;
  for (const char c : text) {
    if (is_among(c, kLetters) || is_among(c, kDigits) || is_among(c, "-._~") || is_among(c, kept)) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const auto byte = i + 2 < text.size() ? parse_uint(lower(text.substr(i + 1, 2)), 16) : std::nullopt;
    if (!byte) return std::nullopt;
    decoded += static_cast<char>(*byte);
    i += 2;
  }
  return decoded;
}

bool is_loopback(std::string_view host) {
  const bool is_number = host.find_first_not_of("0123456789.") == std::string_view::npos;
  return host == "localhost" || host == "[::1]" || (host.starts_with("127.") && is_number);
}

}  // namespace weigh::core
