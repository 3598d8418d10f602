// ModelScope (docs/sources.md).

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "formats/error.h"
#include "formats/text.h"
#include "src/remote/repository.h"
#include "src/source/environment.h"
#include "src/source/parse_json.h"

namespace weigh::core {

namespace {

constexpr std::size_t kSha256Digits = 64;

Url model_scope_endpoint() {
  std::string written = variable("MODELSCOPE_ENDPOINT").value_or("https://modelscope.cn");
  while (written.ends_with('/')) written.pop_back();
  if (written.find("://") == std::string::npos) written.insert(0, "https://");
  auto url = parse_url(written);
  if (!url) throw IoError(fmt::format("MODELSCOPE_ENDPOINT is {}: no web address", quote(written)));
  return *url;
}

std::shared_ptr<const Credential> credential_for(const Url& endpoint) {
  const std::string token = variable("MODELSCOPE_API_TOKEN").value_or("");
  if (token.empty()) return nullptr;
  const bool plain = std::ranges::all_of(token, [](char c) { return c > ' ' && c < 0x7f && c != ';'; });
  if (!plain) throw IoError("the token in MODELSCOPE_API_TOKEN holds what no token does");
  return std::make_shared<Credential>(
      Credential{endpoint, {{"Authorization", "Bearer " + token}, {"Cookie", "m_session_id=" + token}}});
}

std::string explain_status(int status, std::string_view message, const Reference& reference, const Url& endpoint) {
  const std::string host = endpoint.host_and_port();
  const std::string said = message.empty() ? "" : fmt::format(": {}", message.substr(0, 200));
  if (status == 404) return fmt::format("no {} on {}, or a private one: check the name", reference.name, host);
  if (status == 401) return fmt::format("{} wants a token: set MODELSCOPE_API_TOKEN{}", host, said);
  if (status == 403) return fmt::format("{} does not allow it to be read{}", host, said);
  return fmt::format("{} answers {}{}", host, status, said);
}

// The list of files in the envelope; some servers send it without "Files".
const nlohmann::json& files_in(const nlohmann::json& envelope, const Reference& reference, const Url& endpoint) {
  const auto code = envelope.is_object() ? envelope.find("Code") : envelope.end();
  if (!envelope.is_object() || code == envelope.end() || !code->is_number_integer()) {
    throw IoError(fmt::format("{} is no ModelScope: it sends no list of files", endpoint.host_and_port()));
  }
  // An error may come as a success of HTTP.
  if (code->get<int>() != 200) {
    throw IoError(explain_status(code->get<int>(), text_in(envelope, "Message"), reference, endpoint));
  }
  const auto data = envelope.find("Data");
  if (data != envelope.end() && data->is_array()) return *data;
  if (data != envelope.end() && data->is_object()) {
    if (const auto files = data->find("Files"); files != data->end() && files->is_array()) return *files;
  }
  throw IoError(fmt::format("{} sends a list without files", endpoint.host_and_port()));
}

}  // namespace

RemotePlace look_up_model_scope(const Reference& reference, RemoteSession& session) {
  const Url endpoint = model_scope_endpoint();
  const std::string revision = reference.revision.empty() ? "master" : reference.revision;
  const std::string key = fmt::format("{} {}@{}", endpoint.text(), reference.name, revision);
  const auto credential = credential_for(endpoint);
  auto repository = std::make_shared<Repository>();
  if (session.offline()) {
    auto kept = kept_list(key);
    if (!kept) throw IoError("is not in the cache of headers, and --offline forbids to ask for it");
    *repository = std::move(*kept);
  } else {
    const Fetched fetched =
        session.fetch({.url = below(endpoint, fmt::format("/api/v1/models/{}/repo/files", reference.name),
                                    fmt::format("Revision={}&Recursive=True", percent_encoded(revision))),
                       .credential = credential,
                       .most_bytes = kMostListBytes});
    if (fetched.reply.status != 200) throw IoError(explain_status(fetched.reply.status, {}, reference, endpoint));
    const auto json = json_of(fetched, "a list of files");
    for (const auto& entry : files_in(*json, reference, endpoint)) {
      if (!entry.is_object() || text_in(entry, "Type") == "tree") continue;
      ListedFile file{text_in(entry, "Path")};
      const auto size = entry.find("Size");
      if (size != entry.end() && size->is_number_unsigned()) file.bytes = size->get<std::uint64_t>();
      const std::string digest = lower(text_in(entry, "Sha256"));
      if (digest.size() == kSha256Digits && is_hex(digest)) file.content = "sha256:" + digest;
      file.url = below(endpoint, fmt::format("/models/{}/resolve/{}/{}", reference.name, percent_encoded(revision),
                                             percent_encoded(file.path, "/")));
      add_listed(std::move(file), repository->files);
    }
    sort_listed(repository->files);
    repository->revision = revision;
  }
  Reference root = reference;
  root.path.clear();
  repository->shown = text_of(root);
  repository->name = reference.name;
  if (!session.offline()) keep_list(key, *repository);
  repository->credential = credential;
  repository->explain = [reference, endpoint](const Fetched& fetched) {
    return explain_status(fetched.reply.status, {}, reference, fetched.url);
  };
  return {repository, reference.path};
}

}  // namespace weigh::core
