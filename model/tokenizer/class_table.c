#include "model/tokenizer/classes.h"

#include <string.h>

#include "model/tokenizer/overrule.h"
#include "model/tokenizer/tokenizer_internal.h"

const char *const fs_bert_roles[FS_ROLES] = {[FS_ROLE_CLS] = "[CLS]",
                                             [FS_ROLE_SEP] = "[SEP]",
                                             [FS_ROLE_MASK] = "[MASK]",
                                             [FS_ROLE_UNKNOWN] = "[UNK]",
                                             [FS_ROLE_PAD] = "[PAD]"};
const char *const fs_gpt2_roles[FS_ROLES] = {
    [FS_ROLE_BEGIN] = "<|endoftext|>", [FS_ROLE_END] = "<|endoftext|>", [FS_ROLE_UNKNOWN] = "<|endoftext|>"};
const char *const fs_llama_roles[FS_ROLES] = {
    [FS_ROLE_BEGIN] = "<s>", [FS_ROLE_END] = "</s>", [FS_ROLE_UNKNOWN] = "<unk>"};
const char *const fs_roberta_roles[FS_ROLES] = {
    [FS_ROLE_BEGIN] = "<s>",   [FS_ROLE_END] = "</s>",      [FS_ROLE_CLS] = "<s>",  [FS_ROLE_SEP] = "</s>",
    [FS_ROLE_MASK] = "<mask>", [FS_ROLE_UNKNOWN] = "<unk>", [FS_ROLE_PAD] = "<pad>"};

static const char *const mpnet_roles[FS_ROLES] = {
    [FS_ROLE_BEGIN] = "<s>",   [FS_ROLE_END] = "</s>",      [FS_ROLE_CLS] = "<s>",  [FS_ROLE_SEP] = "</s>",
    [FS_ROLE_MASK] = "<mask>", [FS_ROLE_UNKNOWN] = "[UNK]", [FS_ROLE_PAD] = "<pad>"};
static const char *const funnel_roles[FS_ROLES] = {
    [FS_ROLE_BEGIN] = "<s>",   [FS_ROLE_END] = "</s>",      [FS_ROLE_CLS] = "<cls>", [FS_ROLE_SEP] = "<sep>",
    [FS_ROLE_MASK] = "<mask>", [FS_ROLE_UNKNOWN] = "<unk>", [FS_ROLE_PAD] = "<pad>"};
static const char *const deberta_roles[FS_ROLES] = {
    [FS_ROLE_BEGIN] = "[CLS]", [FS_ROLE_END] = "[SEP]",     [FS_ROLE_CLS] = "[CLS]", [FS_ROLE_SEP] = "[SEP]",
    [FS_ROLE_MASK] = "[MASK]", [FS_ROLE_UNKNOWN] = "[UNK]", [FS_ROLE_PAD] = "[PAD]"};
static const char *const albert_roles[FS_ROLES] = {
    [FS_ROLE_BEGIN] = "[CLS]", [FS_ROLE_END] = "[SEP]",     [FS_ROLE_CLS] = "[CLS]", [FS_ROLE_SEP] = "[SEP]",
    [FS_ROLE_MASK] = "[MASK]", [FS_ROLE_UNKNOWN] = "<unk>", [FS_ROLE_PAD] = "<pad>"};
static const char *const xlnet_roles[FS_ROLES] = {
    [FS_ROLE_BEGIN] = "<s>",   [FS_ROLE_END] = "</s>",      [FS_ROLE_CLS] = "<cls>", [FS_ROLE_SEP] = "<sep>",
    [FS_ROLE_MASK] = "<mask>", [FS_ROLE_UNKNOWN] = "<unk>", [FS_ROLE_PAD] = "<pad>"};
static const char *const qwen2_roles[FS_ROLES] = {
    [FS_ROLE_END] = "<|endoftext|>", [FS_ROLE_UNKNOWN] = "<|endoftext|>", [FS_ROLE_PAD] = "<|endoftext|>"};
static const char *const bloom_roles[FS_ROLES] = {
    [FS_ROLE_BEGIN] = "<s>", [FS_ROLE_END] = "</s>", [FS_ROLE_UNKNOWN] = "<unk>", [FS_ROLE_PAD] = "<pad>"};
static const char *const gemma_roles[FS_ROLES] = {
    [FS_ROLE_BEGIN] = "<bos>", [FS_ROLE_END] = "<eos>", [FS_ROLE_UNKNOWN] = "<unk>", [FS_ROLE_PAD] = "<pad>"};
static const char *const t5_roles[FS_ROLES] = {
    [FS_ROLE_END] = "</s>", [FS_ROLE_UNKNOWN] = "<unk>", [FS_ROLE_PAD] = "<pad>"};
static const char *const cohere_roles[FS_ROLES] = {
    [FS_ROLE_BEGIN] = "<BOS_TOKEN>", [FS_ROLE_END] = "<|END_OF_TURN_TOKEN|>", [FS_ROLE_UNKNOWN] = "<UNK>"};
static const char *const herbert_roles[FS_ROLES] = {[FS_ROLE_CLS] = "<s>",
                                                    [FS_ROLE_SEP] = "</s>",
                                                    [FS_ROLE_MASK] = "<mask>",
                                                    [FS_ROLE_UNKNOWN] = "<unk>",
                                                    [FS_ROLE_PAD] = "<pad>"};
static const char *const openai_roles[FS_ROLES] = {[FS_ROLE_UNKNOWN] = "<unk>"};

/* Qwen2Tokenizer's PRETOKENIZE_REGEX. */
static const char qwen2_pattern[] =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|"
    "\\s+(?!\\S)|\\s+";

#define BERT_PIPELINE "BertNormalizer and BertPreTokenizer"
#define BYTE_PIPELINE "ByteLevel alone, no normalizer"
#define WORDS .files = FS_CLASS_WORDS, .overrule = fs_overrule_bert, .rebuilt = BERT_PIPELINE
#define BYTES .files = FS_CLASS_BYTES, .overrule = fs_overrule_byte_level, .rebuilt = BYTE_PIPELINE
#define ROBERTA BYTES, .roles = fs_roberta_roles, .mask = FS_MASK_STRIPS_IN_4
#define OTHER(class, what)                                                                                             \
    {                                                                                                                  \
        .name = (class), .files = FS_CLASS_OTHER, .algorithm = (what)                                                  \
    }

static const struct fs_tokenizer_class classes[] = {
    {"BertTokenizer", "bert ernie megatron-bert nezha visual_bert layoutlm", WORDS, .roles = fs_bert_roles},
    {"DistilBertTokenizer", "distilbert", WORDS, .roles = fs_bert_roles},
    {"ElectraTokenizer", "electra", WORDS, .roles = fs_bert_roles},
    {"MobileBertTokenizer", "mobilebert", WORDS, .roles = fs_bert_roles},
    {"SqueezeBertTokenizer", "squeezebert", WORDS, .roles = fs_bert_roles},
    {"ConvBertTokenizer", "convbert", WORDS, .roles = fs_bert_roles},
    {"LxmertTokenizer", "lxmert", WORDS, .roles = fs_bert_roles},
    {"RetriBertTokenizer", "retribert", WORDS, .roles = fs_bert_roles},
    {"LayoutLMTokenizer", NULL, WORDS, .roles = fs_bert_roles},
    {"MPNetTokenizer", "mpnet", WORDS, .roles = mpnet_roles, .mask = FS_MASK_STRIPS},
    {"FunnelTokenizer", "funnel", WORDS, .roles = funnel_roles},

    {"GPT2Tokenizer", "gpt2 gpt_neo gptj opt gpt_bigcode starcoder2 granite", BYTES, .roles = fs_gpt2_roles},
    {"CodeGenTokenizer", "phi codegen", BYTES, .roles = fs_gpt2_roles},
    {"RobertaTokenizer", "roberta roberta-prelayernorm", ROBERTA},
    {"BartTokenizer", "bart", ROBERTA},
    {"LongformerTokenizer", "longformer", ROBERTA},
    {"LEDTokenizer", "led", ROBERTA},
    {"DebertaTokenizer", "deberta", BYTES, .roles = deberta_roles, .mask = FS_MASK_STRIPS_IN_4},
    {"GPTNeoXTokenizer", "gpt_neox mpt olmo olmo2 stablelm", .files = FS_CLASS_BYTES, .roles = fs_gpt2_roles,
     .overrule = fs_overrule_byte_level, .nfc = true, .rebuilt = "NFC and ByteLevel"},
    {"Qwen2Tokenizer", "qwen2 qwen2_moe qwen3 qwen3_moe", .files = FS_CLASS_BYTES, .roles = qwen2_roles, .nfc = true,
     .pattern = qwen2_pattern, .rebuilt = "NFC, Qwen2's pattern and ByteLevel"},

    {"CohereTokenizer", "cohere cohere2", .files = FS_CLASS_JSON, .roles = cohere_roles, .overrule = fs_overrule_cohere,
     .rebuilt = "NFC, Digits and ByteLevel"},
    {"BloomTokenizer", "bloom", .files = FS_CLASS_JSON, .roles = bloom_roles},
    {"XGLMTokenizer", "xglm", .files = FS_CLASS_PIECES, .roles = bloom_roles},
    {"OpenAIGPTTokenizer", "openai-gpt", .files = FS_CLASS_BYTES, .roles = openai_roles, .suffix = "</w>",
     .lower = true, .rebuilt = "BertNormalizer in lower case and BertPreTokenizer"},
    {"HerbertTokenizer", "herbert", .files = FS_CLASS_BYTES, .roles = herbert_roles, .suffix = "</w>",
     .rebuilt = "BertNormalizer in upper and lower case and BertPreTokenizer"},
    {"PreTrainedTokenizer", "falcon modernbert smollm3 helium glm glm4", .files = FS_CLASS_JSON,
     .overrule = fs_overrule_nothing},
    {"TokenizersBackend", NULL, .files = FS_CLASS_JSON, .overrule = fs_overrule_nothing},

    {"LlamaTokenizer", "llama mistral mixtral phi3", .files = FS_CLASS_PIECES, .roles = fs_llama_roles,
     .overrule = fs_overrule_llama, .rebuilt = "Metaspace and no normalizer"},
    {"CodeLlamaTokenizer", "code_llama", .files = FS_CLASS_PIECES, .roles = fs_llama_roles,
     .overrule = fs_overrule_llama, .rebuilt = "Metaspace and no normalizer"},
    {"GemmaTokenizer", "gemma gemma2 gemma3 gemma3_text", .files = FS_CLASS_PIECES, .roles = gemma_roles},
    {"T5Tokenizer", "t5 mt5 umt5 longt5", .files = FS_CLASS_PIECES, .roles = t5_roles},
    {"AlbertTokenizer", "albert", .files = FS_CLASS_PIECES, .roles = albert_roles, .mask = FS_MASK_STRIPS_IN_4},
    {"XLMRobertaTokenizer", "xlm-roberta xlm-roberta-xl xmod", .files = FS_CLASS_PIECES, .roles = fs_roberta_roles,
     .mask = FS_MASK_STRIPS_IN_4},
    {"CamembertTokenizer", "camembert", .files = FS_CLASS_PIECES, .roles = fs_roberta_roles, .mask = FS_MASK_STRIPS},
    {"DebertaV2Tokenizer", "deberta-v2", .files = FS_CLASS_PIECES, .roles = deberta_roles},
    {"XLNetTokenizer", "xlnet", .files = FS_CLASS_PIECES, .roles = xlnet_roles, .mask = FS_MASK_STRIPS},

    OTHER("BertJapaneseTokenizer", "words by MeCab, Sudachi or Juman++"),
    OTHER("BertweetTokenizer", "tweets rewritten, then bpe.codes"),
    OTHER("PhobertTokenizer", "BPE of words cut before, from bpe.codes"),
    OTHER("RoFormerTokenizer", "words by Jieba"),
    OTHER("RoCBertTokenizer", "shapes and sounds of characters beside them"),
    OTHER("CpmTokenizer", "words by Jieba, then SentencePiece"),
    OTHER("GPTNeoXJapaneseTokenizer", "sub-words of Japanese by its own rules"),
    OTHER("GPTSanJapaneseTokenizer", "sub-words of Japanese by its own rules"),
    OTHER("FlaubertTokenizer", "Moses' rules, then BPE"),
    OTHER("XLMTokenizer", "Moses' rules, then BPE"),
    OTHER("FSMTTokenizer", "Moses' rules, then BPE"),
    OTHER("BioGptTokenizer", "Moses' rules, then BPE"),
    OTHER("CTRLTokenizer", "BPE of words that white space ends"),
    OTHER("TransfoXLTokenizer", "whole words by Moses' rules"),
    OTHER("CanineTokenizer", "code points"),
    OTHER("ByT5Tokenizer", "bytes"),
    OTHER("PerceiverTokenizer", "bytes"),
    OTHER("TapasTokenizer", "tables"),
    OTHER("LukeTokenizer", "entities beside the text"),
};

static bool is_named(const char *class, const char *name)
{
    size_t length = strlen(class);
    return strncmp(class, name, length) == 0 && (name[length] == '\0' || strcmp(name + length, "Fast") == 0);
}

const struct fs_tokenizer_class *fs_tokenizer_class_find(const char *name)
{
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        if (is_named(classes[i].name, name)) {
            return &classes[i];
        }
    }
    return NULL;
}

static bool is_listed(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; at != NULL && length > 0; at = strchr(at, ' ')) {
        at += *at == ' ';
        if (strncmp(at, word, length) == 0 && (at[length] == ' ' || at[length] == '\0')) {
            return true;
        }
    }
    return false;
}

const struct fs_tokenizer_class *fs_tokenizer_class_of_model(const char *model_type)
{
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        if (is_listed(classes[i].model_types, model_type)) {
            return &classes[i];
        }
    }
    return NULL;
}

const struct fs_tokenizer_class *fs_tokenizer_class_of_files(enum fs_class_files files)
{
    static const char *const names[] = {[FS_CLASS_JSON] = "PreTrainedTokenizer",
                                        [FS_CLASS_WORDS] = "BertTokenizer",
                                        [FS_CLASS_BYTES] = "GPT2Tokenizer",
                                        [FS_CLASS_PIECES] = "LlamaTokenizer"};
    return fs_tokenizer_class_find(names[files]);
}
