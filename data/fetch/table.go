package fetch

// File is one file of a dataset, as its authors published it.
type File struct {
	Name   string
	Size   int64 // bytes
	SHA256 string
}

// Set is a dataset that can be fetched.
type Set struct {
	Doc     string
	Mirrors []string // folders that hold the files under their names, tried in turn
	Files   []File
	Spec    string // how the data are named afterwards, %s: the folder
	ByHand  string // what to do where no mirror can be reached
	Terms   string // what the authors ask of users

	unpack func(dir string) error // what a source needs unpacked; nil: nothing
}

// Sets is where a dataset is added. The sizes and hashes are those that TensorFlow Datasets publishes beside the same
// addresses (tensorflow_datasets, url_checksums). Further mirrors: torchvision's MNIST, the README of Fashion-MNIST, and
// the DCGAN tutorial of PyTorch for CelebA.
var Sets = map[string]Set{
	"mnist": {
		Doc:     "MNIST, 70,000 handwritten digits, 28x28 gray",
		Mirrors: []string{"https://storage.googleapis.com/cvdf-datasets/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/"},
		Files: []File{
			{"train-images-idx3-ubyte.gz", 9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"},
			{"train-labels-idx1-ubyte.gz", 28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"},
			{"t10k-images-idx3-ubyte.gz", 1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"},
			{"t10k-labels-idx1-ubyte.gz", 4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"},
		},
		Spec: "mnist:%s",
	},
	"fashion-mnist": {
		Doc: "Fashion-MNIST, 70,000 articles of clothing, 28x28 gray, in MNIST's format",
		Mirrors: []string{"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
			"https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/"},
		Files: []File{
			{"train-images-idx3-ubyte.gz", 26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"},
			{"train-labels-idx1-ubyte.gz", 29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"},
			{"t10k-images-idx3-ubyte.gz", 4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"},
			{"t10k-labels-idx1-ubyte.gz", 5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"},
		},
		Spec: "mnist:%s",
	},
	"cifar10": {
		Doc:     "CIFAR-10, binary version: 60,000 photographs of ten classes, 32x32 RGB",
		Mirrors: []string{"https://www.cs.toronto.edu/~kriz/"},
		Files: []File{
			{"cifar-10-binary.tar.gz", 170052171, "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"},
		},
		Spec:   "cifar10:%s",
		unpack: unpackCIFAR10,
	},
	"celeba": {
		Doc:     "CelebA, 202,599 faces, aligned and cropped, 178x218 RGB",
		Mirrors: []string{"https://s3.amazonaws.com/pytorch-tutorial-assets/"},
		Files: []File{
			{"img_align_celeba.zip", 1443490838, "46fb89443c578308acf364d7d379fe1b9efb793042c0af734b6112e4fd3a8c74"},
		},
		Spec: "zip:%s/img_align_celeba.zip",
		ByHand: "get img_align_celeba.zip with a browser from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html " +
			"(Align&Cropped Images, on Google Drive), lay it in the folder and run this again, or give its address with --url",
		Terms: "CelebA is for non-commercial research only: https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
	},
}
