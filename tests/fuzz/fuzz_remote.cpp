// Answers of servers: lists, manifests, redirects and ranges, in the order in which the input has them.
#include <filesystem>
#include <string>
#include <string_view>

#include "formats/error.h"
#include "src/checkpoint/open_checkpoint.h"
#include "src/remote/session.h"

using namespace weigh::core;

namespace {

// The input is answers, each "STATUS\nHEADER: VALUE\n...\n\nBODY", with a zero byte between two; the last is repeated.
class InputTransport : public Transport {
 public:
  explicit InputTransport(std::string_view input) : rest_(input) {}

  HttpReply perform(const HttpRequest& request) override {
    const std::lock_guard lock(mutex_);
    if (++asked_ > 200) throw TransportFailure{"enough"};
    std::string_view answer = rest_.substr(0, rest_.find('\0'));
    if (answer.size() < rest_.size()) rest_.remove_prefix(answer.size() + 1);
    HttpReply reply;
    std::string_view line = take_line(answer);
    for (const char c : line.substr(0, 3)) reply.status = 10 * reply.status + (c >= '0' && c <= '9' ? c - '0' : 1);
    while (!(line = take_line(answer)).empty()) {
      const auto colon = line.find(": ");
      if (colon != std::string_view::npos)
        reply.headers.push_back({std::string(line.substr(0, colon)), std::string(line.substr(colon + 2))});
    }
    reply.body = answer.substr(0, std::min<std::size_t>(answer.size(), request.most_bytes));
    reply.cut = reply.body.size() < answer.size();
    return reply;
  }

 private:
  static std::string_view take_line(std::string_view& text) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
  }

  std::mutex mutex_;
  std::string_view rest_;
  int asked_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ::setenv("XDG_CACHE_HOME", "/dev/null", 1);
  ::setenv("HOME", "/dev/null", 1);
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  for (const char* named : {"hf://org/name", "hf://org/name/m.gguf", "ms://org/name", "ollama://name",
                            "s3://bucket/prefix", "https://example.org/model.safetensors"}) {
    auto session =
        std::make_shared<RemoteSession>(RemoteOptions{.most_bytes = 1 << 20}, std::make_unique<InputTransport>(input));
    session->wait = [](std::chrono::milliseconds) {};
    RemoteSession::make_current(session);
    static_cast<void>(open_checkpoints(named));
  }
  RemoteSession::make_current(nullptr);
  return 0;
}
