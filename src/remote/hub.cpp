// The Hub of Hugging Face and its mirrors (docs/sources.md).

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "formats/byte_source.h"
#include "formats/error.h"
#include "formats/text.h"
#include "src/remote/repository.h"
#include "src/source/environment.h"
#include "src/source/parse_json.h"

namespace weigh::core {

namespace {

constexpr std::size_t kMostPages = 1000;
constexpr std::size_t kCommitDigits = 40;
constexpr std::size_t kSha256Digits = 64;

bool is_commit(std::string_view text) { return text.size() == kCommitDigits && is_hex(text); }

struct Token {
  std::string text;
  std::string origin;  // "HF_TOKEN", "the file ~/.cache/huggingface/token"
};

std::string stripped(std::string text) {
  std::erase_if(text, [](char c) { return c == '\r' || c == '\n' || c == ' ' || c == '\t'; });
  return text;
}

// In the order in which huggingface_hub asks.
Token find_token(RemoteSession& session) {
  Token token;
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
    if (token.text = stripped(variable(name).value_or("")); !token.text.empty()) {
      token.origin = name;
      break;
    }
  }
  if (token.text.empty() && !is_switched_on("HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
    const auto home = hugging_face_home();
    const std::string path = expanded(variable("HF_TOKEN_PATH").value_or(home ? *home + "/token" : ""));
    constexpr std::uint64_t kMost = 4096;
    try {
      FileSource file(path);
      std::string text(static_cast<std::size_t>(std::min(file.size(), kMost)), '\0');
      file.read(0, std::as_writable_bytes(std::span(text)));
      token.text = stripped(std::move(text));
      token.origin = path;
    } catch (const Error&) {  // nobody has logged in here
    }
  }
  const bool plain = std::ranges::all_of(token.text, [](char c) { return c > ' ' && c < 0x7f; });
  if (!plain) throw IoError(fmt::format("the token in {} holds what no token does", token.origin));
  if (token.text.empty() && variable("HF_OIDC_RESOURCE")) {
    session.tell("HF_OIDC_RESOURCE is set, and tokens are not got that way here: set HF_TOKEN");
  }
  return token;
}

std::string cut(std::string_view text) {
  constexpr std::size_t kMost = 200;
  return std::string(text.substr(0, kMost)) + (text.size() > kMost ? "..." : "");
}

// "/ORG/NAME", "/datasets/ORG/NAME".
std::string page_of(const Reference& reference) {
  return fmt::format("/{}{}", reference.type == "models" ? "" : reference.type + "/", reference.name);
}

// The server's own sentence.
std::string message_of(const Fetched& fetched) {
  if (const auto header = fetched.header("x-error-message"); !header.empty()) return cut(header);
  const auto json = nlohmann::json::parse(fetched.reply.body.substr(0, 4096), nullptr, false);
  const auto error = json.is_object() ? json.find("error") : json.end();
  return json.is_object() && error != json.end() && error->is_string() ? cut(error->get<std::string>()) : "";
}

// Why the Hub does not answer with what was asked for. Its own code decides where there is one: the status does not.
std::string explain_hub(const Fetched& fetched, const Reference& reference, const Url& endpoint, const Token& token) {
  const int status = fetched.reply.status;
  const std::string_view code = fetched.header("x-error-code");
  const std::string host = fetched.url.host_and_port();
  const std::string message = message_of(fetched);
  if (!fetched.url.same_origin(endpoint)) return fmt::format("{}, where the file lies, answers {}", host, status);
  if (code == "GatedRepo") {
    return fmt::format("is gated: accept its terms on {}, then set HF_TOKEN to a token of that account",
                       below(endpoint, page_of(reference)).text());
  }
  if (code == "RevisionNotFound") {
    return fmt::format("no revision {} in {}", quote(reference.revision.empty() ? "main" : reference.revision),
                       reference.name);
  }
  if (code == "EntryNotFound") return "no such file in this revision";
  if (status == 401 && message.find("Invalid credentials") != std::string::npos) {
    return token.text.empty() ? fmt::format("{} refuses: {}", host, message)
                              : fmt::format("{} refuses the token in {}", host, token.origin);
  }
  if (code == "RepoNotFound" || status == 401 || (status == 404 && code.empty())) {
    return fmt::format(
        "no such repository on {}, or a private one: check the name; a private one needs a token in HF_TOKEN{}", host,
        token.text.empty() ? "" : fmt::format(", and the one in {} does not open it", token.origin));
  }
  if (status == 403 && message.find("disabled") != std::string::npos) return fmt::format("is taken down: {}", message);
  return fmt::format("{} answers {}{}{}", host, status, message.empty() ? "" : ": ", message);
}

// The address in `Link: <...>; rel="next"`.
std::string_view next_link(std::string_view links) {
  while (!links.empty()) {
    const auto open = links.find('<');
    const auto close = links.find('>', open == std::string_view::npos ? links.size() : open);
    if (close == std::string_view::npos) return {};
    const std::string_view target = links.substr(open + 1, close - open - 1);
    const std::size_t end = std::min(links.find('<', close), links.size());
    if (links.substr(close, end - close).find("rel=\"next\"") != std::string_view::npos) return target;
    links.remove_prefix(end);
  }
  return {};
}

// A mirror passes on pages that name the Hub itself: they are the mirror's.
std::optional<Url> next_page(const Fetched& fetched, const Url& endpoint) {
  const std::string_view link = next_link(fetched.reply.header("link"));
  if (link.empty()) return std::nullopt;
  auto next = resolve_url(fetched.url, link);
  if (next && !next->same_origin(endpoint) && next->host == "huggingface.co")
    next = below(endpoint, next->path, next->query);
  if (!next || !next->same_origin(endpoint))
    throw IoError("is listed with further pages on another server, which is not asked");
  return next;
}

// "/api/models/NS/NAME/tree/...": the name that a redirect led to.
std::string name_in(const Url& url, const Reference& reference) {
  const std::string begin = fmt::format("/api/{}/", reference.type);
  const auto at = url.path.find(begin);
  const auto end = url.path.find("/tree/", at == std::string::npos ? 0 : at);
  if (at == std::string::npos || end == std::string::npos) return reference.name;
  return percent_decoded(url.path.substr(at + begin.size(), end - at - begin.size())).value_or(reference.name);
}

void add_entries(const nlohmann::json& page, std::vector<ListedFile>& files) {
  for (const auto& entry : page) {
    if (!entry.is_object() || entry.value("type", nlohmann::json()) != "file") continue;
    ListedFile file{text_in(entry, "path")};
    const auto size = entry.find("size");
    if (size != entry.end() && size->is_number_unsigned()) file.bytes = size->get<std::uint64_t>();
    const auto lfs = entry.find("lfs");
    const std::string digest = lfs != entry.end() ? text_in(*lfs, "oid") : "";
    const std::string blob = text_in(entry, "oid");
    if (digest.size() == kSha256Digits && is_hex(digest)) {
      file.content = "sha256:" + digest;
    } else if (blob.size() == kCommitDigits && is_hex(blob)) {
      file.content = "git:" + blob;
    }
    add_listed(std::move(file), files);
  }
}

}  // namespace

RemotePlace look_up_hub(const Reference& reference, RemoteSession& session) {
  Reference place = reference;  // by the name that the Hub has for it now
  const Url endpoint = hub_endpoint();
  const Token token = find_token(session);
  const std::string revision = place.revision.empty() ? "main" : place.revision;
  const std::string key = fmt::format("{} {} {}@{}", endpoint.text(), place.type, place.name, revision);
  auto repository = std::make_shared<Repository>();
  const char* forbidden_by = is_switched_on("HF_HUB_OFFLINE")         ? "HF_HUB_OFFLINE"
                             : is_switched_on("TRANSFORMERS_OFFLINE") ? "TRANSFORMERS_OFFLINE"
                             : session.offline()                      ? "--offline"
                                                                      : "";
  std::shared_ptr<const Credential> credential;
  if (!token.text.empty()) {
    credential = std::make_shared<Credential>(Credential{endpoint, {{"Authorization", "Bearer " + token.text}}});
  }
  if (*forbidden_by != '\0') {
    auto kept = kept_list(key);
    if (!kept) throw IoError(fmt::format("is not in the cache of headers, and {} forbids to ask for it", forbidden_by));
    *repository = std::move(*kept);
  } else {
    Fetch fetch{
        .url = below(endpoint, fmt::format("/api/{}/{}/tree/{}", place.type, place.name, percent_encoded(revision)),
                     "recursive=true&expand=false"),
        .credential = credential,
        .most_bytes = kMostListBytes};
    std::set<std::string> seen;
    for (std::optional<Url> next = fetch.url; next;) {
      fetch.url = *next;
      if (!seen.insert(next->text()).second || seen.size() > kMostPages)
        throw IoError("is listed on pages that do not end");
      const Fetched fetched = session.fetch(fetch);
      if (fetched.reply.status != 200) throw IoError(explain_hub(fetched, place, endpoint, token));
      const auto page = json_of(fetched, "a list of files");
      if (!page->is_array())
        throw IoError(fmt::format("{} is no Hub: it sends no list of files", fetched.url.host_and_port()));
      add_entries(*page, repository->files);
      if (repository->revision.empty()) repository->revision = fetched.header("x-repo-commit");
      if (const std::string name = name_in(fetched.url, place); name != place.name) {
        session.tell(fmt::format("{} is called {} now", place.name, name));
        place.name = name;
      }
      next = next_page(fetched, endpoint);
    }
    // Mirrors may leave the header out.
    if (!is_commit(repository->revision)) {
      repository->revision = revision;
      fetch.url =
          below(endpoint, fmt::format("/api/{}/{}/revision/{}", place.type, place.name, percent_encoded(revision)));
      if (!is_commit(revision)) {
        const Fetched fetched = session.fetch(fetch);
        const auto json = fetched.reply.status == 200 ? json_of(fetched, "a revision") : nullptr;
        const auto sha = json && json->is_object() ? json->value("sha", nlohmann::json()) : nlohmann::json();
        if (sha.is_string() && is_commit(sha.get<std::string>())) repository->revision = sha.get<std::string>();
      }
    }
    for (ListedFile& file : repository->files) {
      file.url = below(endpoint, fmt::format("{}/resolve/{}/{}", page_of(place), percent_encoded(repository->revision),
                                             percent_encoded(file.path, "/")));
    }
    sort_listed(repository->files);
  }
  Reference root = place;
  root.path.clear();
  repository->shown = text_of(root);
  repository->name = place.name;
  if (*forbidden_by == '\0') keep_list(key, *repository);
  repository->credential = credential;
  if (*forbidden_by != '\0') repository->forbidden_by = forbidden_by;
  repository->explain = [place, endpoint, token](const Fetched& fetched) {
    return explain_hub(fetched, place, endpoint, token);
  };
  return {repository, place.path};
}

}  // namespace weigh::core
