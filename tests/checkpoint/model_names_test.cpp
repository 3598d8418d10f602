#include "src/checkpoint/model_names.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "formats/error.h"
#include "src/checkpoint/local_stores.h"
#include "src/checkpoint/near_names.h"
#include "tests/catch.h"

using namespace weigh::core;

namespace {

namespace fs = std::filesystem;

const std::string kFirst(40, 'a');
const std::string kSecond = "abcd" + std::string(36, 'b');

// A home with stores, which the environment names while it lives.
class Home {
 public:
  Home() : path_(fs::temp_directory_path() / ("weigh-home-" + std::to_string(::getpid()))) {
    fs::remove_all(path_);
    fs::create_directories(path_);
    ::setenv("HOME", path_.c_str(), 1);
    for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"}) ::unsetenv(name);
    ::setenv("OLLAMA_MODELS", (path_ / "ollama").c_str(), 1);  // no store of this machine
  }
  ~Home() { fs::remove_all(path_); }
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;

  [[nodiscard]] std::string at(const std::string& name) const { return (path_ / name).string(); }
  [[nodiscard]] std::string hub(const std::string& name) const { return at(".cache/huggingface/hub/" + name); }
  void add(const std::string& name, const std::string& text = "") const {
    fs::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name) << text;
  }
  void add_hub(const std::string& name, const std::string& text = "") const {
    add(".cache/huggingface/hub/" + name, text);
  }

 private:
  fs::path path_;
};

std::string failure(const std::string& named) {
  try {
    return "found at " + locate_model(named);
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("a repository of the Hugging Face cache is found by its name, at a revision") {
  const Home home;
  const std::string folder = "models--openai--gpt-oss-20b";
  home.add_hub(folder + "/snapshots/" + kFirst + "/model.safetensors");
  home.add_hub(folder + "/snapshots/" + kSecond + "/original/model.gguf");
  home.add_hub(folder + "/refs/main", kFirst + "\n");
  home.add_hub(folder + "/refs/pr/1", kSecond);
  home.add_hub(folder + "/refs/v0", std::string(40, 'e'));  // not downloaded
  home.add_hub("models--gpt2/snapshots/" + kFirst + "/model.safetensors");
  const std::string first = home.hub(folder + "/snapshots/" + kFirst);
  const std::string second = home.hub(folder + "/snapshots/" + kSecond);
  struct Case {
    std::string named;
    std::string place;
  };
  const std::vector<Case> cases{
      {"openai/gpt-oss-20b", first},
      {folder, first},
      {"gpt2", home.hub("models--gpt2/snapshots/" + kFirst)},
      {"openai/gpt-oss-20b@main", first},
      {"openai/gpt-oss-20b@pr/1", second},
      {"openai/gpt-oss-20b@" + kSecond, second},
      {"openai/gpt-oss-20b@abcd", second},
      {folder + "@pr/1", second},
      {home.hub(folder) + "@abcd", second},
      {"openai/gpt-oss-20b/model.safetensors", first + "/model.safetensors"},
      {"openai/gpt-oss-20b@pr/1/original/model.gguf", second + "/original/model.gguf"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.named);
    CHECK(locate_model(c.named) == c.place);
  }
}

TEST_CASE("an error names the revisions that are there, or the repository's state") {
  const Home home;
  home.add_hub("models--a--b/snapshots/" + kFirst + "/model.safetensors");
  home.add_hub("models--a--b/snapshots/" + kSecond + "/model.safetensors");
  home.add_hub("models--a--begun/refs/main", kFirst);
  CHECK(failure("a/b") == "the Hugging Face cache has several commits; name one with @: aaaaaaaaaaaa, abcdbbbbbbbb");
  CHECK(failure("a/b@aaa") == "no such revision; the Hugging Face cache has aaaaaaaaaaaa, abcdbbbbbbbb");
  CHECK(failure("a/b@aaaa/gone.gguf") == "no file 'gone.gguf' in the repository");
  CHECK(failure("a/begun") == "the Hugging Face cache has none of its files yet");
}

TEST_CASE("a model of Ollama is found by what Ollama calls it") {
  const Home home;
  const std::string manifests = "ollama/manifests/";
  for (const char* name : {"registry.ollama.ai/library/llama3/latest", "registry.ollama.ai/library/llama3.2/1b",
                           "registry.ollama.ai/someone/own/q4", "hf.co/org/Model-GGUF/Q4_K_M"}) {
    home.add(manifests + name);
  }
  struct Case {
    const char* named;
    const char* place;
  };
  const auto c = GENERATE(values<Case>({
      {"ollama:llama3", "registry.ollama.ai/library/llama3/latest"},
      {"ollama:llama3:latest", "registry.ollama.ai/library/llama3/latest"},
      {"ollama:llama3.2:1b", "registry.ollama.ai/library/llama3.2/1b"},
      {"ollama:someone/own:q4", "registry.ollama.ai/someone/own/q4"},
      {"ollama:hf.co/org/Model-GGUF:Q4_K_M", "hf.co/org/Model-GGUF/Q4_K_M"},
  }));
  CAPTURE(c.named);
  CHECK(locate_model(c.named) == home.at(manifests + c.place));
  CHECK(failure("ollama:llama3:8b") == "no such model; Ollama has llama3.2:1b, llama3:latest");
  CHECK(failure("ollama:quite-another") ==
        "no such model; Ollama has hf.co/org/Model-GGUF:Q4_K_M, llama3.2:1b, llama3:latest, someone/own:q4");
  CHECK(failure("llama3.2") == "does not exist; Ollama has llama3.2:1b, llama3:latest: write ollama:llama3.2:1b");
}

TEST_CASE("a model of LM Studio is found below its folder, old or new") {
  const Home home;
  home.add(".lmstudio/models/org/One-GGUF/one.Q4_0.gguf");
  home.add(".cache/lm-studio/models/org/Two-GGUF/two.gguf");
  CHECK(locate_model("lmstudio:org/One-GGUF") == home.at(".lmstudio/models/org/One-GGUF"));
  CHECK(locate_model("lmstudio:org/One-GGUF/one.Q4_0.gguf") == home.at(".lmstudio/models/org/One-GGUF/one.Q4_0.gguf"));
  CHECK(locate_model("lmstudio:org/Two-GGUF") == home.at(".cache/lm-studio/models/org/Two-GGUF"));
  CHECK(failure("lmstudio:org/Three-GGUF") == "no such model; LM Studio has org/One-GGUF, org/Two-GGUF");
}

TEST_CASE("a name leads to nothing outside of its store") {
  const Home home;
  home.add("secret/model.gguf");
  home.add("ollama/manifests/registry.ollama.ai/library/a/latest");
  home.add(".lmstudio/models/org/a/a.gguf");
  home.add_hub("models--a--b/snapshots/" + kFirst + "/model.safetensors");
  home.add_hub("models--a--b/refs/main", kFirst);
  home.add_hub("models--a--b/refs/out", "../../../../../secret");
  const std::string nul(1, '\0');
  for (const std::string& named :
       {"ollama:../../../../secret/model.gguf" + std::string(), "ollama:" + home.at("secret/model.gguf"),
        std::string("ollama:a:../latest"), std::string("ollama:../a"), std::string("ollama:a/b/c/d"), "ollama:a" + nul,
        std::string("ollama:"), std::string("lmstudio:org/../../../secret"), std::string("lmstudio:/org/a"),
        std::string("lmstudio:org"), "lmstudio:org/a" + nul,

        std::string("a/b@out"), std::string("a/b@../refs/main"),
        std::string("a/b@main/../../../../../../../secret/model.gguf"), "a/b/" + home.at("secret/model.gguf"),
        std::string("a/b@"), std::string("../secret"), std::string("models--a--../b")}) {
    CAPTURE(named);
    CHECK_THROWS_AS(locate_model(named), IoError);
  }
}

TEST_CASE("a path that exists wins over a name") {
  const Home home;
  home.add_hub("models--a--b/snapshots/" + kFirst + "/model.safetensors");
  const fs::path before = fs::current_path();
  home.add("work/a/b/model.gguf");
  fs::current_path(home.at("work"));
  CHECK(locate_model("a/b") == "a/b");
  CHECK(locate_model("-") == "-");
  fs::current_path(before);
}

TEST_CASE("the stores are where the environment says, else where the programs put them") {
  const Home home;
  home.add("hub/x");
  home.add("home/hub/x");
  home.add("xdg/huggingface/hub/x");
  home.add_hub("x");
  const auto hub = [] {
    const auto stores = local_stores();
    return stores.empty() ? std::string() : stores.front().folder;
  };
  CHECK(hub() == home.hub("").substr(0, home.hub("").size() - 1));
  ::setenv("XDG_CACHE_HOME", home.at("xdg").c_str(), 1);
  CHECK(hub() == home.at("xdg/huggingface/hub"));
  ::setenv("HF_HOME", home.at("home").c_str(), 1);
  CHECK(hub() == home.at("home/hub"));
  ::setenv("HF_HUB_CACHE", "~/hub", 1);
  CHECK(hub() == home.at("hub"));
  fs::create_directory_symlink(home.at("hub"), home.at("ollama"));  // one folder, one store
  CHECK(local_stores().size() == 1);
  ::setenv("HF_HUB_CACHE", "/nowhere", 1);
  CHECK(local_stores() == std::vector<LocalStore>{{Store::Ollama, home.at("ollama")}});
}

TEST_CASE("what does not exist names what is near, a path nothing") {
  const Home home;
  home.add_hub("models--openai--gpt-oss-20b/refs/main", kFirst);
  home.add_hub("models--meta-llama--Llama-3.1-8B/refs/main", kFirst);
  CHECK(failure("openai/gpt-oss-120b") ==
        "does not exist; the Hugging Face cache has openai/gpt-oss-20b; to ask the Hub for it: weigh "
        "hf://openai/gpt-oss-120b");
  CHECK(failure("GPT-OSS-20B") == "does not exist; the Hugging Face cache has openai/gpt-oss-20b");
  CHECK(failure("llama-3.1") == "does not exist; the Hugging Face cache has meta-llama/Llama-3.1-8B");
  for (const char* path : {"./gpt-oss-20b", "/gpt-oss-20b", "gpt-oss-20b.gguf", "gpt-oss-20b/", "mistral", ""}) {
    CAPTURE(path);
    CHECK(failure(path) == "does not exist");
  }
  CHECK(failure("ollama:llama3") == "no such model; Ollama has no store here: looked for " + home.at("ollama"));
}

TEST_CASE("near names come nearest first and are few") {
  using Names = std::vector<std::string>;
  CHECK(near_names("qwen3:8b", {"a", "qwen2.5:7b", "qwen3:8b-q4", "Qwen3:8B"}, 2) == Names{"Qwen3:8B", "qwen3:8b-q4"});
  CHECK(near_names("ab", {"abc", "ba", "x"}, 4).empty());  // too short to say anything
  CHECK(near_names(std::string(100'000, 'a'), {"a"}, 4).empty());
}
