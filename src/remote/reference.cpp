#include "src/remote/reference.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "formats/error.h"
#include "formats/path.h"
#include "formats/text.h"
#include "src/source/environment.h"

namespace weigh::core {

namespace {

constexpr std::string_view kHubHost = "huggingface.co";
constexpr std::string_view kShortHubHost = "hf.co";
constexpr std::string_view kModelScopeHost = "modelscope.cn";
constexpr std::string_view kOllamaHost = "registry.ollama.ai";
constexpr std::array<std::string_view, 3> kTypes{"models", "datasets", "spaces"};
// Revisions that hold slashes; "refs/pr/3".
constexpr std::array<std::string_view, 2> kRefs{"refs/pr/", "refs/convert/"};

bool is_type(std::string_view word) { return std::ranges::find(kTypes, word) != kTypes.end(); }

std::string without_end_slashes(std::string text) {
  while (text.ends_with('/')) text.pop_back();
  return text;
}

// Cuts the first part of a path off: "a/b/c" -> "a" and leaves "b/c".
std::string_view take_part(std::string_view& path) {
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view part = path.substr(0, end);
  path.remove_prefix(std::min(end + 1, path.size()));
  return part;
}

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 96 && name != "." && name != ".." && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  });
}

[[noreturn]] void fail_form(std::string_view form) { throw IoError(fmt::format("is no reference: write {}", form)); }

constexpr std::string_view kHubForm = "hf://ORG/NAME, hf://ORG/NAME@REVISION or hf://ORG/NAME/FILE";

// "NAME[@REVISION][/PATH]" after the organisation.
void read_name_and_rest(std::string_view rest, std::string_view form, Reference& reference) {
  const std::size_t end = std::min(rest.find_first_of("@/"), rest.size());
  const std::string_view name = rest.substr(0, end);
  if (!is_plain_name(name)) fail_form(form);
  reference.name += fmt::format("/{}", name);
  rest.remove_prefix(end);
  if (rest.starts_with('@')) {
    rest.remove_prefix(1);
    for (const std::string_view refs : kRefs) {
      if (!rest.starts_with(refs)) continue;
      const std::size_t ref_end = std::min(rest.find('/', refs.size()), rest.size());
      reference.revision = rest.substr(0, ref_end);
      rest.remove_prefix(std::min(ref_end + 1, rest.size()));
    }
    if (reference.revision.empty()) {
      const auto decoded = percent_decoded(take_part(rest));
      if (!decoded || decoded->empty()) fail_form(form);
      reference.revision = *decoded;
    }
    if (!stays_inside(reference.revision)) fail_form(form);
  } else if (rest.starts_with('/')) {
    rest.remove_prefix(1);
  }
  reference.path = without_end_slashes(std::string(rest));
  if (!reference.path.empty() && !stays_inside(reference.path)) fail_form(form);
}

Reference parse_hub(std::string_view rest) {
  Reference reference{.kind = RemoteKind::HuggingFace, .type = "models"};
  std::string_view first = take_part(rest);
  if (is_type(first)) {
    reference.type = first;
    first = take_part(rest);
  } else if (first == "model" || first == "dataset" || first == "space" || first == "buckets" || first == "kernels") {
    throw IoError(fmt::format("is no reference to a model: {} is not read; write {}", quote(first), kHubForm));
  }
  if (!is_plain_name(first) || rest.empty()) fail_form(kHubForm);
  reference.name = first;
  read_name_and_rest(rest, kHubForm, reference);
  return reference;
}

Reference parse_model_scope(std::string_view rest) {
  constexpr std::string_view kForm = "ms://OWNER/NAME, ms://OWNER/NAME@REVISION or ms://OWNER/NAME/FILE";
  Reference reference{.kind = RemoteKind::ModelScope};
  const std::string_view first = take_part(rest);
  if (!is_plain_name(first) || rest.empty()) fail_form(kForm);
  reference.name = first;
  read_name_and_rest(rest, kForm, reference);
  return reference;
}

Reference parse_ollama(std::string_view rest) {
  constexpr std::string_view kForm = "ollama://NAME, ollama://NAME:TAG or ollama://HOST/NAMESPACE/NAME:TAG";
  Reference reference{.kind = RemoteKind::Ollama, .host = std::string(kOllamaHost), .revision = "latest"};
  std::string scheme;
  if (const auto at = rest.find("://"); at != std::string_view::npos) {
    scheme = rest.substr(0, at);
    rest.remove_prefix(at + 3);
  }
  std::vector<std::string_view> parts;
  while (!rest.empty()) parts.push_back(take_part(rest));
  if (parts.empty() || parts.size() > 3) fail_form(kForm);
  if (parts.size() == 3) reference.host = lower(parts.front());
  std::string_view model = parts.back();
  if (const auto colon = model.find(':'); colon != std::string_view::npos) {
    reference.revision = model.substr(colon + 1);
    model = model.substr(0, colon);
  }
  const std::string_view space = parts.size() > 1 ? parts[parts.size() - 2] : "library";
  if (!is_plain_name(model) || !is_plain_name(space) || !is_plain_name(reference.revision)) fail_form(kForm);
  reference.name = fmt::format("{}/{}", space, model);
  // Whoever runs a registry on the own machine has no certificate for it.
  const std::string host = reference.host.substr(0, reference.host.rfind(':'));
  if (scheme.empty()) scheme = is_loopback(host) || is_loopback(reference.host) ? "http" : "https";
  reference.url = parse_url(fmt::format("{}://{}", scheme, reference.host));
  if (!reference.url) fail_form(kForm);
  return reference;
}

Reference parse_s3(std::string_view rest) {
  Reference reference{.kind = RemoteKind::S3};
  reference.name = take_part(rest);
  if (!is_plain_name(reference.name)) fail_form("s3://BUCKET/KEY or s3://BUCKET/PREFIX/");
  reference.path = rest;
  return reference;
}

// "/NS/NAME/blob/REV/PATH" and the like of the Hub's web pages.
std::optional<Reference> parse_hub_page(std::string_view path) {
  Reference reference{.kind = RemoteKind::HuggingFace, .type = "models"};
  if (path.starts_with('/')) path.remove_prefix(1);
  std::string_view first = take_part(path);
  if (is_type(first) && first != "models") {
    reference.type = first;
    first = take_part(path);
  }
  const std::string_view second = take_part(path);
  if (!is_plain_name(first) || !is_plain_name(second)) return std::nullopt;
  reference.name = fmt::format("{}/{}", first, second);
  if (path.empty()) return reference;
  constexpr std::array<std::string_view, 5> kRoutes{"blob", "resolve", "raw", "tree", "blame"};
  if (std::ranges::find(kRoutes, take_part(path)) == kRoutes.end() || path.empty()) return std::nullopt;
  for (const std::string_view refs : kRefs) {
    if (!path.starts_with(refs)) continue;
    const std::size_t end = std::min(path.find('/', refs.size()), path.size());
    reference.revision = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  if (reference.revision.empty()) reference.revision = percent_decoded(take_part(path)).value_or("");
  const auto inside = percent_decoded(path);
  if (reference.revision.empty() || !inside) return std::nullopt;
  if (reference.revision == "main") reference.revision.clear();
  reference.path = without_end_slashes(*inside);
  if (!reference.path.empty() && !stays_inside(reference.path)) return std::nullopt;
  return reference;
}

// "/models/OWNER/NAME..." of ModelScope's web pages.
std::optional<Reference> parse_model_scope_page(std::string_view path) {
  if (!path.starts_with("/models/")) return std::nullopt;
  path.remove_prefix(8);
  Reference reference{.kind = RemoteKind::ModelScope};
  const std::string_view owner = take_part(path);
  const std::string_view name = take_part(path);
  if (!is_plain_name(owner) || !is_plain_name(name)) return std::nullopt;
  reference.name = fmt::format("{}/{}", owner, name);
  return reference;
}

// Those who paste an address often leave its beginning out.
bool is_hub_address_without_scheme(std::string_view named) {
  return named.starts_with("huggingface.co/") || named.starts_with("hf.co/") ||
         named.starts_with("www.huggingface.co/");
}

std::string_view without_www(std::string_view host) { return host.starts_with("www.") ? host.substr(4) : host; }

Reference parse_web(std::string_view named) {
  const auto url = parse_url(named);
  if (!url) {
    throw IoError(
        "is no plain web address: a user before the host, blanks, backslashes and control characters are not taken");
  }
  const Url hub = hub_endpoint();
  std::string_view path = url->path;
  const std::string_view host = without_www(url->host);
  const bool is_endpoint = url->same_origin(hub) && (hub.path == "/" || path.starts_with(hub.path + "/"));
  if (is_endpoint || host == kHubHost || host == kShortHubHost) {
    if (is_endpoint && hub.path != "/") path.remove_prefix(hub.path.size());
    if (auto page = parse_hub_page(path)) return *page;
    if (host == kHubHost || host == kShortHubHost)
      throw IoError("is an address of the Hub that leads to no model: write " + std::string(kHubForm));
  }
  if (host == kModelScopeHost) {
    if (auto page = parse_model_scope_page(path)) return *page;
  }
  Reference reference{.kind = RemoteKind::Web};
  reference.url = url;
  return reference;
}

}  // namespace

Url hub_endpoint() {
  const std::string written =
      without_end_slashes(variable("HF_ENDPOINT").value_or(fmt::format("https://{}", kHubHost)));
  auto url = parse_url(written);
  if (!url) throw IoError(fmt::format("HF_ENDPOINT is {}: no web address", quote(written)));
  return *url;
}

Url below(const Url& endpoint, std::string_view path, std::string query) {
  Url url = endpoint;
  url.path = (endpoint.path == "/" ? "" : endpoint.path) + std::string(path);
  url.query = std::move(query);
  return url;
}

std::optional<Reference> parse_reference(std::string_view named) {
  struct Scheme {
    std::string_view begin;
    Reference (*parse)(std::string_view rest);
  };
  constexpr std::array kSchemes{Scheme{"hf://", parse_hub}, Scheme{"ms://", parse_model_scope},
                                Scheme{"ollama://", parse_ollama}, Scheme{"s3://", parse_s3}};
  for (const Scheme& scheme : kSchemes) {
    if (!named.starts_with(scheme.begin)) continue;
    return scheme.parse(named.substr(scheme.begin.size()));
  }
  if (named.starts_with("https://") || named.starts_with("http://")) return parse_web(named);
  if (is_hub_address_without_scheme(named)) return parse_web(fmt::format("https://{}", named));
  return std::nullopt;
}

std::string text_of(const Reference& reference) {
  const std::string path = reference.path.empty() ? "" : "/" + reference.path;
  switch (reference.kind) {
    case RemoteKind::HuggingFace:
    case RemoteKind::ModelScope:
      return fmt::format(
          "{}://{}{}{}{}{}", reference.kind == RemoteKind::HuggingFace ? "hf" : "ms",
          reference.type.empty() || reference.type == "models" ? "" : reference.type + "/", reference.name,
          reference.revision.empty() ? "" : "@",
          reference.revision.starts_with("refs/") ? reference.revision : percent_encoded(reference.revision), path);
    case RemoteKind::Ollama: {
      const bool usual = reference.host == kOllamaHost;
      std::string name = reference.name;
      if (usual && name.starts_with("library/")) name.erase(0, 8);
      const std::string scheme =
          reference.url && reference.url->scheme == "http" && !is_loopback(reference.url->host) ? "http://" : "";
      return fmt::format("ollama://{}{}{}{}:{}", scheme, usual ? "" : reference.host, usual ? "" : "/", name,
                         reference.revision);
    }
    case RemoteKind::S3: return fmt::format("s3://{}{}", reference.name, path);
    case RemoteKind::Web: return reference.url ? reference.url->text() : std::string();
  }
  return {};
}

}  // namespace weigh::core
